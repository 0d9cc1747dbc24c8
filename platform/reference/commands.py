"""The commands with their parsers, and the page docs/reference/commands.md."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from platform import nightly_options, search_options, ui
from platform.config.help_text import HelpFormatter, examples_in
from platform.config.invocation import LAUNCHERS, command_line
from platform.data.__main__ import parsers as data_parsers
from platform.reference.markdown import prose, sentence, table
from platform.rounds import options as rounds_options
from reports import options as report_options

WIDTH = 92
PAGE = "commands.md"
INTRODUCTION = """# Commands

Start commands in the checkout's folder, or anywhere by the names that `make` puts into `.venv/bin`. `--help`
of each says what is here. Everywhere 0 means done, 2 a mistake and 130 interrupted. What else a command
may end with stands beside it.
"""


@dataclass(frozen=True)
class Command:
    """A command or one verb of it."""

    module: str
    verb: str | None
    parser: argparse.ArgumentParser
    parse: Callable[[list[str]], argparse.Namespace]
    """Reads the words after the command and its verb as the command does."""
    misuse: Callable[[argparse.Namespace], str | None] = lambda options: None
    """A line on options that do not go together."""

    @property
    def name(self) -> str:
        return f"{self.module} {self.verb}" if self.verb else self.module

    @property
    def line(self) -> str:
        """How the docs write it."""
        return f"python -m {self.name}"

    @property
    def examples(self) -> list[str]:
        """Command lines as its ``--help`` prints them, but as the docs write them."""
        printed = command_line(self.module)
        return [each.replace(printed, f"python -m {self.module}") for each in examples_in(self.parser.epilog)]

    @property
    def exit_codes(self) -> dict[int, str]:
        lines = (re.match(r"  (\d+)\s+(.*)", line) for line in (self.parser.epilog or "").splitlines())
        return {int(match[1]): match[2] for match in lines if match}


def commands() -> list[Command]:
    """All commands, those of a module with verbs after it."""
    search = search_options.parser_of_search()
    reports = report_options.parser()
    found = [
        Command(
            "platform.search",
            None,
            search,
            lambda words: search_options.parsed(search, words),
            search_options.misuse,
        ),
        Command("reports", None, reports, report_options.parsed, report_options.misuse),
    ]
    for verb, parser in data_parsers().items():
        found.append(Command("platform.data", verb, parser, parser.parse_intermixed_args))
    rounds = rounds_options.parser_of_rounds()
    found.append(Command("platform.rounds", None, rounds, rounds.parse_args, rounds_options.misuse))
    ours = ui.parser_of_ui()
    found.append(Command("platform.ui", None, ours, lambda words: ours.parse_known_args(words)[0]))
    nightly = nightly_options.parser_of_nightly()
    for verb, parser in nightly_options.verbs_of(nightly).items():
        found.append(Command("platform.nightly", verb, parser, parser.parse_args))
    return found


def commands_page() -> dict[str, str]:
    """The page by its path below docs/reference/."""
    parts = [INTRODUCTION, table(("Command", "Does"), map(_row, commands()))]
    parts += ["\n\n".join(part for part in _command(each) if part) for each in commands()]
    return {PAGE: "\n\n".join(parts) + "\n"}


def _row(command: Command) -> tuple[str, str]:
    return f"[`{command.line}`](#{_id(command)})", sentence(command.parser.description or "")


def _command(command: Command) -> Iterator[str]:
    yield f"## `{command.line}` {{ #{_id(command)} }}"
    yield sentence(command.parser.description or "")
    yield f"In any folder: `.venv/bin/{' '.join([LAUNCHERS[command.module], *command.name.split()[1:]])}`."
    yield f"```text\n{_usage(command)}\n```"
    for group in command.parser._action_groups:
        actions = [each for each in group._group_actions if each.help is not argparse.SUPPRESS]
        if actions:
            title = group.title or ""
            yield f"**{prose(title[:1].upper() + title[1:])}**"
            yield table(("Option", "Meaning"), (_option(command, each) for each in actions))
    yield "**Exit codes**"
    yield table(
        ("Code", "Means"), ((str(code), sentence(words)) for code, words in command.exit_codes.items())
    )
    yield "```sh\n" + "\n".join(command.examples) + "\n```"


def _usage(command: Command) -> str:
    formatter = HelpFormatter(prog=command.line, width=WIDTH)
    parser = command.parser
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    return formatter.format_help().strip()


def _option(command: Command, action: argparse.Action) -> tuple[str, str]:
    formatter = HelpFormatter(prog=command.line, width=WIDTH)
    words = formatter._expand_help(action) if action.help else ""
    return f"`{formatter._format_action_invocation(action)}`", sentence(words)


def _id(command: Command) -> str:
    return command.name.replace(".", "-").replace(" ", "-")


def words_of(example: str, command: Command) -> Sequence[str]:
    """The words that an example of the docs gives the command, after its verb."""
    return shlex.split(example.removeprefix(command.line))
