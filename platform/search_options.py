"""What ``python -m platform.search`` may be asked: its arguments, and which of them go together."""

import argparse
from pathlib import Path


def parser_of_search() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m platform.search",
        description="Run the sweep that a YAML describes: trials in MLflow, a table of the best, a report.",
        epilog="exit codes: 0 done; 1 no trial succeeded, or the sweep broke; 2 bad usage or configuration; "
        "130 interrupted (go on with --resume)",
    )
    parser.add_argument("space", type=Path, nargs="?", metavar="SPACE.yaml", help="the search space")
    parser.add_argument(
        "overrides", nargs="*", metavar="key.path=value", help="lay a value or a range over the YAML"
    )
    parser.add_argument("--plan", action="store_true", help="show what would run, and stop")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a sweep that was interrupted, or with more trials, another budget, wider ranges",
    )
    parser.add_argument("--name", help="the sweep's name (default: the space's, with -2, -3 … where taken)")
    parser.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR", help="default: runs")
    parser.add_argument("--trials", metavar="N", help="the same as search.trials=N")
    parser.add_argument(
        "--budget", metavar="TIME", help="the same as search.budget.time=TIME, e.g. 90s, 30m, 2h"
    )
    parser.add_argument(
        "--trial", metavar="RUN_ID", help="run one trial again, from its MLflow run, and compare the metric"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="with --trial: difference that counts as the same (0.001)",
    )
    parser.add_argument("--address", metavar="ADDR", help="a Ray cluster's address (default: Ray here)")
    look = parser.add_argument_group("sweeps of other terminals, without SPACE.yaml")
    look.add_argument("--list", action="store_true", help="the sweeps below runs/, or --out, as they stand")
    look.add_argument("--status", metavar="NAME", help="one sweep: its trials, the best, what is left")
    look.add_argument(
        "--stop", metavar="NAME", help="stop a running sweep as one Ctrl-C would: --resume goes on"
    )
    look.add_argument("--json", action="store_true", help="with --list or --status: for programs")
    return parser


def misuse(options: argparse.Namespace) -> str | None:
    """What does not go together, on one line."""
    asked = [name for name in ("list", "status", "stop") if getattr(options, name)]
    if len(asked) > 1:
        return f"--{asked[0]} and --{asked[1]}: one at a time"
    if asked and options.space:
        return f"--{asked[0]} takes no SPACE.yaml"
    if not asked and not options.space:
        return "the following arguments are required: SPACE.yaml (or --list, --status NAME, --stop NAME)"
    if options.json and asked not in (["list"], ["status"]):
        return "--json: goes with --list or --status"
    return None
