"""The command-line options of ``python -m platform.rounds``."""

import argparse
from pathlib import Path

from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line

DONE, BROKE, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = {
    DONE: "done, whether something was gained or not",
    BROKE: "a sweep, an audit or the disk broke off a round; the same command goes on",
    BAD_USAGE: "a mistake in the command, a YAML or the data, or another process runs the rounds",
    INTERRUPTED: "interrupted; the same command goes on",
}
ROUNDS = "search_spaces/rounds/digits.yaml"


def parser_of_rounds() -> argparse.ArgumentParser:
    command = command_line("platform.rounds")
    parser = argparse.ArgumentParser(
        prog=command,
        description="Train, audit with what was learnt, clean and pseudo-label, train again: so many rounds, "
        "or until nothing is gained beyond noise. Interrupted or killed, the same command goes on.",
        epilog=help_end(EXIT_CODES, f"{command} {ROUNDS} --plan", f"{command} {ROUNDS}"),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("rounds", type=Path, metavar="ROUNDS.yaml", help=f"the rounds, e.g. {ROUNDS}")
    parser.add_argument(
        "--resume", action="store_true", help="go on with rounds that were begun; without any it is a mistake"
    )
    parser.add_argument(
        "--undo",
        action="store_true",
        help="take the last round back: its files are moved aside, its run in MLflow is tagged",
    )
    parser.add_argument("--plan", action="store_true", help="print what would run, then exit")
    parser.add_argument(
        "--json", action="store_true", help="print JSON in the end; what is said meanwhile goes to stderr"
    )
    return parser


def misuse(options: argparse.Namespace) -> str | None:
    """One line on options that do not go together; None if all do."""
    given = [f"--{name}" for name in ("resume", "undo", "plan") if getattr(options, name)]
    return f"{' and '.join(given)}: give only one of them" if len(given) > 1 else None
