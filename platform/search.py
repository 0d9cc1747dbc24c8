"""``python -m platform.search SPACE.yaml``: run, resume, list or stop sweeps, and run one trial again."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform.api import SHOWN_TRIALS, load_space
from platform.config.errors import UserError
from platform.config.invocation import command_line, missing_packages
from platform.config.openmp import sleep_while_waiting
from platform.search_options import (
    AUTO,
    BAD_USAGE,
    BROKE,
    DONE,
    INTERRUPTED,
    address_of,
    misuse,
    parsed,
    parser_of_search,
    resume_command,
)
from platform.tuning.errors import SweepBroken

if TYPE_CHECKING:
    from rich.console import Console

    from platform.config.load import LoadedSpace
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.resume.given_settings import GivenSettings
    from platform.tuning.run.plan import Plan
    from platform.tuning.run.sweep import SweepEnd
    from platform.tuning.settings.shortcuts import Shortcuts
    from platform.tuning.settings.sweep_config import SweepConfig
    from platform.whole_sweep import Done

LARGER = {
    "wall time": "--budget TIME",
    "epochs": "search.budget.epochs=NUMBER",
    "GPU hours": "search.budget.gpu_hours=NUMBER",
}
"""How a larger budget is given, by the limit in words that was reached."""


def main(arguments: list[str] | None = None) -> int:
    if missing := missing_packages():
        print(missing, file=sys.stderr)
        return BAD_USAGE
    parser = parser_of_search()
    options = parsed(parser, arguments)
    if problem := misuse(options):
        parser.error(problem)
    sleep_while_waiting()
    try:
        if options.new is not None:
            return _new(options)
        return _search(options) if options.space else _list_show_or_stop(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted before the sweep began", file=sys.stderr)
        return INTERRUPTED


def _list_show_or_stop(options: argparse.Namespace) -> int:
    """``--list``, ``--status`` and ``--stop``, which need no Ray."""
    from platform.tuning.watching.list_and_status import show_sweeps, stop_sweep

    if options.stop:
        stop_sweep(options.out, options.stop)
    else:
        show_sweeps(options.out, options.status, as_json=options.json)
    return DONE


def _search(options: argparse.Namespace) -> int:
    # torch, Ray and MLflow take seconds to import: each step imports only what it needs, so that a mistake in
    # the YAML is reported at once.
    from platform.config.document import read_document

    read_document(options.space)

    from platform.tuning.folder.which_folder import new_folder
    from platform.tuning.resume.given_settings import given_settings
    from platform.tuning.run.plan import make_plan

    if options.resume and options.trial is None and (folder := _folder_to_resume(options)):
        return _resume(folder, options)
    address = address_of(options)
    space = load_space(
        options.space,
        options.overrides,
        data=options.data,
        trials=options.trials,
        budget=options.budget,
        quick=options.quick,
    )
    loaded = space.loaded
    own_name = loaded.first().name or options.space.stem
    if options.trial is not None:
        return _run_again(loaded, own_name, options)
    name = own_name if options.name is None else options.name
    plan = make_plan(loaded, name, out=options.out, address=address, gpus=options.gpus)
    if options.plan:
        return _show_plan(loaded, plan, options)
    if options.trials is not None and not loaded.space.parameters():
        raise UserError("--trials: the space has no range to search, so it is a single training run")
    if options.resume == AUTO:
        from platform.tuning.resume.automatic import folder_to_begin

        folder = folder_to_begin(options.out, name)
    else:
        folder = new_folder(options.out, name, is_given=options.name is not None)
    plan = replace(plan, name=folder.name)
    return _run(loaded, plan, folder, options, settings=given_settings(space.file, space.overrides))


def _folder_to_resume(options: argparse.Namespace) -> "SweepFolder | None":
    """The sweep that ``--resume`` means; None if ``--resume auto`` finds none and begins it."""
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.folder.which_folder import folder_to_resume
    from platform.tuning.resume.given_settings import name_in

    name = name_in(options.space, options.overrides) if options.name is None else options.name
    if options.resume != AUTO:
        return folder_to_resume(options.out, name, is_given=options.name is not None)
    folder = SweepFolder(options.out / name)
    return folder if folder.record_file.exists() else None


def _resume(folder: "SweepFolder", options: argparse.Namespace) -> int:
    """``--resume``: with SPACE.yaml as it is now, and the overrides of this and earlier commands."""
    from platform.tuning.resume.automatic import done
    from platform.tuning.resume.given_settings import known_space_of, space_to_resume
    from platform.tuning.resume.space_change import changes_between
    from platform.tuning.run.plan import make_plan

    loaded, settings = space_to_resume(folder, options.space, options.overrides, _shortcuts(options))
    changes = changes_between(known_space_of(folder), loaded, folder.name)
    if options.resume == AUTO and not options.plan and not changes and (words := done(folder)):
        print(words)
        return DONE
    plan = make_plan(loaded, folder.name, out=options.out, address=address_of(options))
    if options.plan:
        print("".join(f"{change}\n" for change in changes), end="")
        return _show_plan(loaded, plan, options)
    plan = replace(plan, experiment=folder.read_record().experiment)
    return _run(loaded, plan, folder, options, settings=settings, resumes=True)


def _run_again(loaded: "LoadedSpace[SweepConfig]", own_name: str, options: argparse.Namespace) -> int:
    """``--trial``: of SPACE.yaml only the section ``tracking`` counts; all else comes from the MLflow run."""
    from tempfile import TemporaryDirectory

    from platform.tuning.folder.which_folder import new_folder
    from platform.tuning.resume.rerun import TOLERANCE, compare, differences_of_code, past_trial, space_of
    from platform.tuning.run.plan import make_plan
    from platform.tuning.settings.shortcuts import Shortcuts

    if options.resume or options.plan or options.overrides or _shortcuts(options) != Shortcuts():
        raise UserError(
            "--trial repeats a trial unchanged: it allows no override, --plan, --resume, --trials, --budget, "
            "--data or --quick"
        )
    past = past_trial(options.trial, loaded.first().tracking)
    for difference in differences_of_code(past):
        print(difference, file=sys.stderr)
    with TemporaryDirectory() as folder:
        space = space_of(past, Path(folder) / "space.yaml")
    name = options.name or f"{past.sweep}-{past.trial.trial_id}-again"
    plan = make_plan(space, name, out=options.out, address=address_of(options))
    folder_of_run = new_folder(options.out, name, is_given=options.name is not None)
    plan = replace(plan, name=folder_of_run.name)
    code = _run(space, plan, folder_of_run, options, data_digest=past.data_digest)
    if code != DONE:
        return code
    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    comparison = compare(past, folder_of_run, tolerance)
    print(comparison)
    return DONE if comparison.is_reproduced else BROKE


def _new(options: argparse.Namespace) -> int:
    """``--new``: write a space for a folder of images."""
    from rich.console import Console

    from platform.tuning.run.new_space import write_new_space
    from platform.tuning.run.plan import render

    plan = write_new_space(options.new, options.overrides, options.space)
    Console().print(render(plan))
    print(f"\n{options.space} is written, with a reason beside each choice. Run it with:")
    print(f"    {command_line('platform.search', options.space)}")
    return DONE


def _shortcuts(options: argparse.Namespace) -> "Shortcuts":
    from platform.tuning.settings.shortcuts import Shortcuts

    return Shortcuts(options.trials, options.budget, options.data, options.quick)


def _show_plan(loaded: "LoadedSpace[SweepConfig]", plan: "Plan", options: argparse.Namespace) -> int:
    from rich.console import Console

    from platform.tuning.run.plan import render

    console = Console()
    console.print(render(plan))
    if options.all:
        from platform.tuning.run.plan_details import all_settings

        console.print()
        console.print(all_settings(loaded))
    if options.time:
        from platform.tuning.run.plan_details import data_of, estimated_time

        console.print()
        for sentence in estimated_time(loaded, plan, data_of(plan)):
            console.print(sentence, soft_wrap=True, highlight=False, markup=False)
    return DONE


def _run(
    loaded: "LoadedSpace[SweepConfig]",
    plan: "Plan",
    folder: "SweepFolder",
    options: argparse.Namespace,
    settings: "GivenSettings | None" = None,
    data_digest: str | None = None,
    resumes: bool = False,
) -> int:
    from platform.tuning.terminal import console_of
    from platform.whole_sweep import carry_out

    console = console_of(sys.stdout)
    address = address_of(options)
    try:
        done = carry_out(
            loaded,
            plan,
            folder,
            console,
            address=address,
            settings=settings,
            data_digest=data_digest,
            resumes=resumes,
        )
    except SweepBroken as error:
        remedy = f"; go on with: {resume_command(options, folder.name)}" * folder.record_file.exists()
        print(f"{error}{remedy}", file=sys.stderr)
        return BROKE
    except KeyboardInterrupt:
        if not folder.record_file.exists():
            raise
        print(f"interrupted; go on with: {resume_command(options, folder.name)}", file=sys.stderr)
        return INTERRUPTED
    _show(console, done, options, folder)
    return _exit_code(done.end, options, folder)


def _exit_code(end: "SweepEnd", options: argparse.Namespace, folder: "SweepFolder") -> int:
    if end.is_interrupted:
        print(f"interrupted; go on with: {resume_command(options, folder.name)}", file=sys.stderr)
        return INTERRUPTED
    if not end.succeeded:
        print(f"no trial succeeded; the last cause: {end.last_cause}", file=sys.stderr)
        return BROKE
    return DONE


def _show(console: "Console", done: "Done", options: argparse.Namespace, folder: "SweepFolder") -> None:
    """The lines that the command ends with."""
    from platform.tuning.terminal import print_table

    end, report = done.end, done.report
    console.print()
    if end.spent:
        limit = next(name for name in LARGER if name in end.spent)
        more = f"{resume_command(options, folder.name)} {LARGER[limit]}"
        console.print(f"the budget of {end.spent} is spent; go on with a larger one: {more}\n")
    if report.remarks:
        console.print("\n".join(report.remarks) + "\n")
    print_table(console, report.rows(SHOWN_TRIALS))
    console.print(f"report: {report.page}")
    if report.undelivered is not None:
        print(report.undelivered, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
