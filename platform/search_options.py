"""The command-line options of ``python -m platform.search``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from platform.config.help_text import HelpFormatter, help_end
from platform.config.invocation import command_line

DONE, BROKE, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = {
    DONE: "done; single trials may have failed, as the report says",
    BROKE: "no trial succeeded, the sweep broke, or --trial was not reproduced; --resume auto tries again",
    BAD_USAGE: "a mistake in the command, the YAML or the data, or another process runs the sweep",
    INTERRUPTED: "interrupted; --resume goes on",
}
PEER = "search_spaces/peer.yaml"
EXAMPLES = ((PEER, "--plan"), (PEER, "optim.lr=0.1", "--trials", "4"), (PEER, "--resume"), ("--list",))

EXISTING, AUTO = "existing", "auto"
"""What --resume means: a sweep that must exist; begin one where there is none."""


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; ``--resume`` takes ``auto`` and nothing else that follows it."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for place, word in enumerate(words):
        if len(word) > 2 and "--resume".startswith(word):
            words[place] = f"--resume={AUTO if words[place + 1 : place + 2] == [AUTO] else EXISTING}"
            if words[place].endswith(AUTO):
                del words[place + 1]
    return parser.parse_intermixed_args(words)


def parser_of_search() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command_line("platform.search"),
        description="Run the sweep of SPACE.yaml: trials in MLflow, a table of the best, a report.",
        epilog=help_end(EXIT_CODES, *(command_line("platform.search", *words) for words in EXAMPLES)),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("space", type=Path, nargs="?", metavar="SPACE.yaml", help="the search space")
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="key.path=value",
        help="replace a setting of the YAML by a value or a range",
    )
    _add_shortcuts(parser)
    parser.add_argument("--plan", action="store_true", help="print what would run, then exit")
    parser.add_argument("--all", action="store_true", help="with --plan: every setting, the defaults too")
    parser.add_argument(
        "--time", action="store_true", help="with --plan: how long it takes, from some training steps here"
    )
    parser.add_argument(
        "--gpus", type=int, metavar="N", help="with --plan: as if there were a machine with N GPUs"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        choices=(EXISTING, AUTO),
        const=EXISTING,
        metavar=AUTO,
        help="go on with a sweep: after an interruption, or with more trials, another budget, other ranges; "
        "auto: begin it where there is none, and do nothing where it is done, for jobs that are tried again",
    )
    parser.add_argument("--name", help="the sweep's name (default: the space's, with -2, -3 … if taken)")
    parser.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="folder of all sweeps (default: runs)"
    )
    parser.add_argument(
        "--trial", metavar="RUN_ID", help="run one trial again from its MLflow run, and compare the metric"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="with --trial: the largest difference that counts as equal (default: 0.001)",
    )
    parser.add_argument(
        "--address", metavar="ADDR", help="address of a Ray cluster (default: Ray on this machine)"
    )
    _add_overseeing(parser)
    return parser


def _add_overseeing(parser: argparse.ArgumentParser) -> None:
    """Options that show or stop sweeps."""
    other = parser.add_argument_group("running and ended sweeps (without SPACE.yaml)")
    other.add_argument("--list", action="store_true", help="list the sweeps in runs/, or in --out")
    other.add_argument("--status", metavar="NAME", help="show one sweep: its trials, the best, what is left")
    other.add_argument(
        "--stop", metavar="NAME", help="stop a running sweep as one Ctrl-C does; --resume goes on"
    )
    other.add_argument("--json", action="store_true", help="with --list or --status: print JSON")


def _add_shortcuts(parser: argparse.ArgumentParser) -> None:
    """Options that stand for overrides, and --new."""
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="learn from this folder, zip or table: takes the place of the whole section data of the YAML",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a minute that passes through every part: two trials of two epochs on some of the images",
    )
    parser.add_argument(
        "--new",
        metavar="PATH",
        help="write SPACE.yaml, with comments, for the images in PATH and for this machine",
    )
    parser.add_argument("--trials", metavar="N", help="the same as search.trials=N")
    parser.add_argument(
        "--budget", metavar="TIME", help="the same as search.budget.time=TIME, e.g. 90s, 30m, 2h"
    )


def misuse(options: argparse.Namespace) -> str | None:
    """One line on options that do not go together; None if all do."""
    asked = [name for name in ("list", "status", "stop") if getattr(options, name)]
    if len(asked) > 1:
        return f"--{asked[0]} and --{asked[1]}: give only one of them"
    if asked and options.space:
        return f"--{asked[0]} takes no SPACE.yaml"
    if not asked and not options.space:
        return "the following arguments are required: SPACE.yaml (or --list, --status NAME, --stop NAME)"
    if options.new is not None:
        return _misuse_of_new(options)
    for name in ("all", "time", "gpus"):
        if getattr(options, name) not in (None, False) and not options.plan:
            return f"--{name}: needs --plan"
    if options.gpus is not None and options.gpus < 1:
        return f"--gpus: must be at least 1, got {options.gpus}"
    if options.gpus is not None and options.time:
        return "--time: measures this machine, so it cannot go with --gpus"
    if options.json and asked not in (["list"], ["status"]):
        return "--json: needs --list or --status"
    return None


def _misuse_of_new(options: argparse.Namespace) -> str | None:
    others = ("plan", "resume", "quick", "data", "trials", "budget", "trial", "name")
    given = [f"--{name}" for name in others if getattr(options, name)]
    return f"--new writes a YAML and runs nothing: leave out {', '.join(given)}" if given else None


def address_of(options: argparse.Namespace) -> str | None:
    """The Ray cluster that is joined; None for Ray on this machine."""
    address: str | None = options.address or os.environ.get("RAY_ADDRESS")
    return address


def resume_command(options: argparse.Namespace, name: str) -> str:
    """The command that goes on with the sweep ``name``."""
    words = [str(options.space), "--resume", "--name", name]
    words += ["--out", str(options.out)] if options.out != Path("runs") else []
    words += ["--address", options.address] if options.address else []
    return command_line("platform.search", *words)
