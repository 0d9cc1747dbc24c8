"""``python -m reports runs/NAME``: make the report of one or several sweeps, or use its winner."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.invocation import missing_packages
from platform.config.openmp import sleep_while_waiting
from reports.options import BAD_USAGE, DONE, INTERRUPTED, action_of, misuse, parsed

if TYPE_CHECKING:
    from rich.console import Console

    from platform.datasets.images.decode import BadImage
    from platform.datasets.sources.source import Source
    from reports.deploy.predict import Count, Say
    from reports.deploy.pseudo_label import PseudoLabels

SHOWN_TRIALS = 10


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    options = parsed(arguments)
    if (mistake := misuse(options)) is not None:
        print(mistake, file=sys.stderr)
        return BAD_USAGE
    sleep_while_waiting()
    action = action_of(options)
    run, unchanged = _COMMANDS[action]
    try:
        return run(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print(f"interrupted; {unchanged}", file=sys.stderr)
        return INTERRUPTED


def _report(options: argparse.Namespace) -> int:
    from reports.sweeps.joint_record import check_reportable, joint_place, refuse_taken

    for sweep in options.sweeps:
        check_reportable(sweep)  # answer a wrong folder before the slow imports
    sweeps, notices = options.sweeps, []
    if options.experiment is not None:
        from reports.sweeps.experiment import folders_of

        experiment = folders_of(options.experiment, options.runs or Path("runs"))
        sweeps, notices = experiment.folders, experiment.notices
    is_joint = options.experiment is not None or len(sweeps) > 1
    folder = sweeps[0]
    if is_joint:
        name = options.experiment and f"experiment-{options.experiment}"
        folder = options.out or joint_place(sweeps, name)
        refuse_taken(folder)
    from platform.tuning.terminal import print_table
    from reports.build.build import build_report

    console = _console()
    with _bar("reading the sweep") as (say, _):
        report = build_report(
            folder,
            top=options.top,
            max_members=options.max_members,
            max_latency_ms=options.max_latency,
            source=options.data_source,
            joining=sweeps if is_joint else (),
            notices=notices,
            progress=say,
        )
    for caveat in report.caveats:
        console.print(f"{caveat}\n")
    if report.contents.ranking:
        print_table(console, report.rows(SHOWN_TRIALS))
        console.print()
    for sentence in [*report.summary, *report.failures, *report.contents.notices]:
        console.print(sentence)
    console.print(f"report: {report.page}")
    if report.undelivered is not None:
        print(report.undelivered, file=sys.stderr)
    return DONE


def _predict(options: argparse.Namespace) -> int:
    from platform.datasets.errors import counted

    sweep, source = _sweep(options), _images(options.predict)
    from reports.deploy.neighbours import NEIGHBOURS
    from reports.deploy.predict import first_prediction, no_images, predict_images

    with _bar() as (say, count):
        done = predict_images(
            sweep,
            source,
            options.out,
            layout=options.format,
            neighbours=options.neighbours or NEIGHBOURS,
            progress=say,
            count=count,
        )
    console = _console()
    if done.new_report is not None:
        console.print(f"there was no report; made: {done.new_report}")
    if done.winner.at_chance is not None:
        print(done.winner.at_chance, file=sys.stderr)
    console.print(f"predicted with {done.winner}")
    if done.images == 1 and not done.bad and not done.winner.is_retrieval:
        console.print(first_prediction(done.file))
    console.print(f"predictions of {counted(done.images, 'image')}: {done.file}")
    if done.bad:
        lacking = "neighbours" if done.winner.is_retrieval else "label"
        print(f"{_unreadable(done.bad, lacking=lacking)}; all: {done.bad_file}", file=sys.stderr)
    if others := no_images(source):
        console.print(others)
    return DONE


def _pseudo_label(options: argparse.Namespace) -> int:
    from platform.datasets.errors import counted

    sweep, source = _single(options, "--pseudo-label"), _images(options.pseudo_label)
    with _bar() as (say, count):
        done = _pseudo_labels(options, sweep, source, say, count)
    console = _console()
    console.print(f"predicted with {done.chosen.winner}")
    kinds = ("class", "classes") if done.are == "classes" else ("new identity", "new identities")
    console.print(
        f"pseudo-labels of {done.labelled:,} of {counted(done.images, 'image')}, in "
        f"{counted(done.classes, *kinds)}, beside {counted(done.own, 'row')} of the sweep's own"
    )
    if done.known:
        console.print(f"left out {counted(done.known, 'image')} that the sweep has labels for")
    for notice in done.notices:
        console.print(notice)
    console.print(f"train on it with: {done.settings}")
    if done.bad:
        print(_unreadable(done.bad), file=sys.stderr)
    return DONE


def _pseudo_labels(
    options: argparse.Namespace, sweep: Path, source: "Source", say: "Say", count: "Count"
) -> "PseudoLabels":
    """Pseudo-label with the option that selects the images."""
    from platform.config.load import load_space
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
    from reports.deploy.pseudo_identities import at_least, most_similar, pseudo_identities
    from reports.deploy.pseudo_label import above, pseudo_label, top_of_classes, top_share

    config = load_space(SweepFolder(sweep).space, SweepConfig, fixed=SWEEP_FIELDS).first().data
    if config.identities is None:
        if options.top_classes is not None:
            take = top_of_classes(options.top_classes)
        elif options.top_share is not None:
            take = top_share(options.top_share)
        else:
            take = above(options.threshold)
        return pseudo_label(sweep, source, take, options.out, force=options.force, progress=say, count=count)
    if options.top_classes is not None:
        raise UserError(
            "--top-classes: the sweep is on identities, and your images show other identities; "
            "use --threshold or --top-share"
        )
    pairs = most_similar(options.top_share) if options.top_share else at_least(options.threshold)
    return pseudo_identities(sweep, source, pairs, options.out, progress=say, count=count)


def _export(options: argparse.Namespace) -> int:
    sweep = _sweep(options)
    from reports.deploy.export import export

    with _bar("reading the report") as (say, _):
        done = export(sweep, options.out, progress=say)
    console = _console()
    for one in done:
        console.print(f"trial {one.trial}: {one.file} (differs by {one.difference:.0e} from the network)")
    if done[0].gives == "features":
        console.print("the files output features; learnt.npz is the linear classifier on all of them")
    if any(one.views for one in done):
        names = ", ".join(dict.fromkeys(name for one in done for name in one.views))
        console.print(
            f"the files hold the networks only: give them the winner's views ({names}) yourself; "
            "model.json describes them"
        )
    return DONE


def _ship(options: argparse.Namespace) -> int:
    sweep = _single(options, "--ship")
    from reports.deploy.ship import ship

    with _bar("reading the sweep") as (say, _):
        done = ship(sweep, allow_paths=options.allow_paths, progress=say)
    console = _console()
    console.print(
        f"{'registered as' if done.is_new else 'already registered as'} {done.version}: {done.alias}"
    )
    console.print(done.why)
    console.print(f"licences: {'; '.join(done.licences)}")
    console.print(f"serve it with: {done.serving}")
    return DONE


_COMMANDS = {
    None: (_report, "the report was not changed"),
    "predict": (_predict, "the table was not changed; the same command goes on from here"),
    "pseudo_label": (_pseudo_label, "the table was not changed; the same command goes on from here"),
    "export": (_export, "the exported files were not changed"),
    "ship": (_ship, "nothing was registered"),
}
"""Each action's function, and what the line on an interruption says."""


def _sweep(options: argparse.Namespace) -> Path:
    """The one folder given; a wrong one is answered before the slow imports."""
    from reports.sweeps.joint_record import check_reportable

    sweep: Path = options.sweeps[0]
    check_reportable(sweep)
    return sweep


def _single(options: argparse.Namespace, flag: str) -> Path:
    """The one folder given, if it is no joint report, which has neither a run in MLflow nor rows."""
    from reports.sweeps.joint_record import read_joint_record

    if read_joint_record(options.sweeps[0]) is not None:
        raise UserError(f"{flag}: {options.sweeps[0]} is a joint report; name one of its sweeps")
    return _sweep(options)


def _images(folder: str) -> "Source":
    """The user's images; a wrong folder is answered before the slow imports."""
    from platform.datasets.preparation.unlabelled import image_paths, open_images

    source = open_images(folder)
    image_paths(source)
    return source


def _unreadable(bad: "tuple[BadImage, ...]", *, lacking: str = "label") -> str:
    from platform.datasets.errors import counted
    from reports.deploy.predict import bad_images

    what = f"{counted(len(bad), 'image')} cannot be read and {'has' if len(bad) == 1 else 'have'}"
    return f"{what} no {lacking}: {bad_images(bad)}"


@contextmanager
def _bar(step: str = "reading the report") -> Iterator[tuple["Say", "Count"]]:
    """Functions that show the current step, and move a bar of images, on stderr."""
    from platform.tuning.watching.long_work import long_work

    with long_work(_console(stderr=True), step, counted="predicting images") as both:
        yield both


def _console(*, stderr: bool = False) -> "Console":
    from platform.tuning.terminal import console_of

    return console_of(sys.stderr if stderr else sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
