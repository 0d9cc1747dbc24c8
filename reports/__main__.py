"""``python -m reports runs/NAME``: make a sweep's report again from its folder and MLflow."""

import argparse
import sys
from pathlib import Path

from platform.config.errors import UserError

DONE, BAD_USAGE, INTERRUPTED = 0, 2, 130
SHOWN_TRIALS = 10


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.top is not None and options.top < 1:
        print(f"--top: must be at least 1, got {options.top}", file=sys.stderr)
        return BAD_USAGE
    try:
        return _report(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted; the report is as it was before", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Rank and ensemble a sweep's trials and write its report page and trials.csv.",
        epilog="exit codes: 0 done; 2 bad usage, no sweep there, or its MLflow does not answer",
    )
    parser.add_argument("sweep", type=Path, metavar="runs/NAME", help="the sweep's folder")
    parser.add_argument("--top", type=int, metavar="K", help="best trials to evaluate and ensemble")
    return parser


def _report(options: argparse.Namespace) -> int:
    from platform.tuning.sweep_folder import SweepFolder

    SweepFolder(options.sweep).read_record()  # a wrong folder is answered before the slow imports
    from rich.console import Console

    from platform.tuning.closing import print_table
    from reports.build import build_report

    console = Console(highlight=False, markup=False, soft_wrap=True)
    with Console(stderr=True).status("reading the sweep") as status:
        report = build_report(options.sweep, top=options.top, progress=status.update)
    if report.ranking:
        print_table(console, report.rows(SHOWN_TRIALS))
        console.print()
    for sentence in [*report.summary, *report.notices]:
        console.print(sentence)
    console.print(f"report: {report.page}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
