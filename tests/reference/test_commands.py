"""Every command's --help ends with an example that its own parser reads, and the page has all of it."""

import re
import shlex
from collections.abc import Callable

import pytest

from platform import nightly, nightly_options, search, ui
from platform.config.help_text import examples_in
from platform.config.invocation import LAUNCHERS, command_line
from platform.data.__main__ import main as data_main
from platform.nights.running import tick
from platform.reference.commands import Command, commands, commands_page, words_of
from platform.rounds.__main__ import main as rounds_main
from reports import __main__ as reports

COMMANDS = commands()
MAINS: dict[str, Callable[[list[str]], int]] = {
    "platform.search": search.main,
    "platform.data": data_main,
    "platform.nightly": nightly.main,
    "platform.rounds": rounds_main,
    "platform.ui": ui.main,
    "reports": reports.main,
}
every_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)


def test_every_command_is_there():
    assert {one.module for one in COMMANDS} == set(LAUNCHERS) == set(MAINS)
    verbs = {one.verb for one in COMMANDS if one.module == "platform.nightly"}
    assert verbs == set(nightly.VERBS)


@every_command
def test_help_ends_with_an_example_within_80_columns(command: Command, run_here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = [command.verb] if command.verb else []
    shown = run_here(MAINS[command.module], *words, "--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    long = [line for line in shown.stdout.splitlines() if len(line) > 80]
    assert long == []
    end = re.split(r"^examples?:$", shown.stdout, flags=re.MULTILINE)
    assert len(end) == 2
    printed = shlex.split(end[1].replace("\\\n", " "))
    expected = [word for line in examples_in(command.parser.epilog) for word in shlex.split(line)]
    assert printed == expected != []


@pytest.mark.parametrize("module", ["platform.data", "platform.nightly"])
def test_help_without_a_verb_ends_with_an_example_too(module: str, run_here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = run_here(MAINS[module], "--help").stdout
    assert max(map(len, shown.splitlines())) <= 80
    (line,) = shown.replace("\\\n", " ").rpartition("example:\n")[2].strip().splitlines()
    verb = line.removeprefix(command_line(module)).split()[0]
    assert verb in {one.verb for one in COMMANDS if one.module == module}


@every_command
def test_an_example_is_read_by_the_very_parser(command: Command):
    assert command.examples
    for example in command.examples:
        assert example.startswith(f"{command.line} "), example
        options = command.parse(list(words_of(example, command)))
        assert command.misuse(options) is None


@every_command
def test_exit_codes_are_said(command: Command):
    assert {0, 2} <= command.exit_codes.keys()
    assert all(command.exit_codes.values())


def test_exit_codes_of_nights_are_those_of_a_tick():
    ours = nightly_options
    assert (ours.FINE, ours.WORSE, ours.FAILED, ours.MISSED) == (
        tick.FINE,
        tick.WORSE,
        tick.FAILED,
        tick.MISSED,
    )


def test_the_page_has_every_option_and_no_path_of_this_machine():
    page = commands_page()["commands.md"]
    for command in COMMANDS:
        part = page.partition(f"## `{command.line}` ")[2].partition("\n## ")[0]
        for action in command.parser._actions:
            assert all(option in part for option in action.option_strings), (command.name, action)
    assert ".venv/bin/python" not in page
