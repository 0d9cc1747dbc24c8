"""``python -m reports runs/NAME``: make a sweep's report again, or predict with what it chose."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.openmp import sleep_while_waiting

if TYPE_CHECKING:
    from rich.console import Console

DONE, BAD_USAGE, INTERRUPTED = 0, 2, 130
SHOWN_TRIALS = 10


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    misuse = _misuse(options)
    if misuse is not None:
        print(misuse, file=sys.stderr)
        return BAD_USAGE
    sleep_while_waiting()
    try:
        return _report(options) if options.predict is None else _predict(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        what = "the report is" if options.predict is None else "the predictions are"
        print(f"interrupted; {what} as before", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description="Rank and ensemble a sweep's trials and write its report page and trials.csv; "
        "or let what the report chose predict other images.",
        epilog="exit codes: 0 done; 2 bad usage, no sweep or images there, or MLflow does not answer; "
        "130 interrupted",
    )
    parser.add_argument("sweep", type=Path, metavar="runs/NAME", help="the sweep's folder")
    parser.add_argument("--top", type=int, metavar="K", help="best trials to evaluate and ensemble")
    parser.add_argument("--max-members", type=int, metavar="M", help="trials that an ensemble may have")
    parser.add_argument(
        "--max-latency",
        type=float,
        metavar="MS",
        help="milliseconds an image that an ensemble's members may take together",
    )
    parser.add_argument(
        "--predict",
        metavar="FOLDER",
        help="predict every image below this folder, or in this zip, with the ensemble (or single trial) "
        "that was best on validation; labels are not needed",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.csv",
        help="where the predictions go (default: runs/NAME/predictions.csv)",
    )
    return parser


def _misuse(options: argparse.Namespace) -> str | None:
    """What is wrong with the arguments, on one line."""
    for option, value in (("top", options.top), ("max-members", options.max_members)):
        if value is not None and value < 1:
            return f"--{option}: must be at least 1, got {value}"
    if options.max_latency is not None and not options.max_latency > 0:
        return f"--max-latency: must be above 0, got {options.max_latency:g}"
    if options.predict is None:
        return None if options.out is None else "--out: needs --predict FOLDER, whose predictions it is for"
    for option in ("top", "max_members", "max_latency"):
        if getattr(options, option) is not None:
            name = option.replace("_", "-")
            return (
                f"--{name}: cannot go with --predict, which uses the report as it is; make the report first"
            )
    if not options.predict:
        return "--predict: names no folder"
    if options.out is not None and options.out.suffix.lower() != ".csv":
        return f"--out: must be a .csv file, got {options.out}"
    return None


def _report(options: argparse.Namespace) -> int:
    from platform.tuning.sweep_folder import SweepFolder

    SweepFolder(options.sweep).read_record()  # a wrong folder is answered before the slow imports
    from platform.tuning.closing import print_table
    from reports.build import build_report

    console = _console()
    with _console(stderr=True).status("reading the sweep") as status:
        report = build_report(
            options.sweep,
            top=options.top,
            max_members=options.max_members,
            max_latency_ms=options.max_latency,
            progress=status.update,
        )
    if report.ranking:
        print_table(console, report.rows(SHOWN_TRIALS))
        console.print()
    for sentence in [*report.summary, *report.failures, *report.notices]:
        console.print(sentence)
    console.print(f"report: {report.page}")
    if report.undelivered is not None:
        print(report.undelivered, file=sys.stderr)
    return DONE


def _predict(options: argparse.Namespace) -> int:
    from platform.datasets.errors import counted
    from platform.datasets.unlabelled import image_paths, open_images
    from platform.tuning.sweep_folder import SweepFolder

    SweepFolder(options.sweep).read_record()
    source = open_images(options.predict)
    image_paths(source)  # wrong folders are answered before the slow imports
    from reports.predict import bad_images, predict_images

    with _console(stderr=True).status("reading the report") as status:
        done = predict_images(options.sweep, source, options.out, progress=status.update)
    console = _console()
    if done.made is not None:
        console.print(f"report, which was missing: {done.made}")
    console.print(f"predicted with {done.winner}")
    console.print(f"predictions of {counted(done.images, 'image')}: {done.file}")
    if done.bad:
        what = (
            f"{counted(len(done.bad), 'image')} cannot be read and {'has' if len(done.bad) == 1 else 'have'}"
        )
        print(f"{what} no label: {bad_images(done.bad)}", file=sys.stderr)
    return DONE


def _console(*, stderr: bool = False) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
