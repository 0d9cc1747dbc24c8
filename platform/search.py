"""``python -m platform.search SPACE.yaml``: one YAML, one sweep, one report."""

import argparse
import logging
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError
from platform.config.openmp import sleep_while_waiting
from platform.search_options import misuse, parser_of_search

if TYPE_CHECKING:
    from rich.console import Console

    from platform.config.load import LoadedSpace
    from platform.tuning.resume.given_settings import Given
    from platform.tuning.run.plan import Plan
    from platform.tuning.run.sweep import SweepEnd
    from platform.tuning.settings.sweep_config import SweepConfig
    from platform.tuning.folder.sweep_folder import SweepFolder

DONE, BROKE, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
SHOWN_TRIALS = 10


def main(arguments: list[str] | None = None) -> int:
    parser = parser_of_search()
    options = parser.parse_intermixed_args(arguments)
    if problem := misuse(options):
        parser.error(problem)
    sleep_while_waiting()
    try:
        return _search(options) if options.space else _oversee(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted before the sweep began", file=sys.stderr)
        return INTERRUPTED


def _oversee(options: argparse.Namespace) -> int:
    """``--list``, ``--status`` and ``--stop``: from files and MLflow, without Ray."""
    from rich.console import Console

    from platform.tuning.folder.process_lock import ask_to_stop
    from platform.tuning.watching.list_and_status import as_json, print_list, print_status
    from platform.tuning.watching.sweep_state import find_sweep, survey, sweeps_in

    console = Console(highlight=False, soft_wrap=True, markup=False)
    if options.stop:
        holder = ask_to_stop(find_sweep(options.out, options.stop))
        console.print(f"asked {holder} to stop {options.stop}; its trials keep their last epoch")
        return DONE
    if options.status:
        surveys = [survey(find_sweep(options.out, options.status))]
    else:
        surveys = [survey(folder) for folder in sweeps_in(options.out)]
        surveys.sort(key=lambda seen: seen.started or 0.0)
    if options.json:
        print(as_json(surveys))
    elif options.status:
        print_status(console, surveys[0])
    elif surveys:
        print_list(console, surveys)
    else:
        console.print(f"no sweep in {options.out}/")
    return DONE


def _search(options: argparse.Namespace) -> int:
    # What follows takes seconds to import (torch, Ray, MLflow): only what is needed next, so that a
    # mistake in the YAML is answered at once.
    from platform.config.load import load_space
    from platform.tuning.resume.given_settings import given, overrides_of
    from platform.tuning.run.plan import make_plan
    from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
    from platform.tuning.folder.sweep_folder import new_folder

    if options.resume and options.trial is None:
        return _resume(options)
    address = _address(options)
    overrides = overrides_of(options.space, options.overrides, trials=options.trials, budget=options.budget)
    loaded = load_space(options.space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    own_name = loaded.first().name or options.space.stem
    if options.trial is not None:
        return _run_again(loaded, own_name, options)
    name = own_name if options.name is None else options.name
    plan = make_plan(loaded, name, out=options.out, address=address)
    if options.plan:
        return _show_plan(plan)
    if options.trials is not None and not loaded.space.parameters():
        raise UserError("--trials: the space has no range, so it is one training run")
    folder = new_folder(options.out, name, is_given=options.name is not None)
    plan = replace(plan, name=folder.name)
    return _run(loaded, plan, folder, options, given=given(options.space, overrides))


def _resume(options: argparse.Namespace) -> int:
    """By what SPACE.yaml says now, and the overrides of this and of earlier commands."""
    from platform.tuning.resume.given_settings import known_space_of, name_in, space_to_resume
    from platform.tuning.run.plan import make_plan
    from platform.tuning.resume.space_change import changes_between
    from platform.tuning.folder.sweep_folder import folder_to_resume

    name = name_in(options.space, options.overrides) if options.name is None else options.name
    folder = folder_to_resume(options.out, name, is_given=options.name is not None)
    loaded, given = space_to_resume(
        folder, options.space, options.overrides, trials=options.trials, budget=options.budget
    )
    changes = changes_between(known_space_of(folder), loaded, folder.name)
    plan = make_plan(loaded, folder.name, out=options.out, address=_address(options))
    if options.plan:
        print("".join(f"{change}\n" for change in changes), end="")
        return _show_plan(plan)
    plan = replace(plan, experiment=folder.read_record().experiment)
    return _run(loaded, plan, folder, options, given=given)


def _run_again(loaded: "LoadedSpace[SweepConfig]", own_name: str, options: argparse.Namespace) -> int:
    """``--trial``: the space only says where MLflow is; everything else comes from the run."""
    from tempfile import TemporaryDirectory

    from platform.tuning.run.plan import make_plan
    from platform.tuning.resume.rerun import TOLERANCE, compare, differences_of_code, past_trial, space_of
    from platform.tuning.folder.sweep_folder import new_folder

    if options.resume or options.plan or options.overrides or options.trials or options.budget:
        raise UserError("--trial runs a trial as it was: no override, --plan, --resume, --trials or --budget")
    past = past_trial(options.trial, loaded.first().tracking)
    for difference in differences_of_code(past):
        print(difference, file=sys.stderr)
    with TemporaryDirectory() as folder:
        space = space_of(past, Path(folder) / "space.yaml")
    name = options.name or f"{past.sweep}-{past.trial.trial_id}-again"
    plan = make_plan(space, name, out=options.out, address=_address(options))
    folder_of_run = new_folder(options.out, name, is_given=options.name is not None)
    plan = replace(plan, name=folder_of_run.name)
    code = _run(space, plan, folder_of_run, options, data_digest=past.data_digest)
    if code != DONE:
        return code
    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    comparison = compare(past, folder_of_run, tolerance)
    print(comparison)
    return DONE if comparison.came_back else BROKE


def _address(options: argparse.Namespace) -> str | None:
    address: str | None = options.address or os.environ.get("RAY_ADDRESS")
    return address


def _show_plan(plan: "Plan") -> int:
    from rich.console import Console

    from platform.tuning.run.plan import render

    Console().print(render(plan))
    return DONE


def _run(
    loaded: "LoadedSpace[SweepConfig]",
    plan: "Plan",
    folder: "SweepFolder",
    options: argparse.Namespace,
    given: "Given | None" = None,
    data_digest: str | None = None,
) -> int:
    from rich.console import Console
    from rich.logging import RichHandler

    from platform.tuning.cluster.library_logs import quiet_settings

    quiet_settings()
    from platform.storage.disk import full_disk
    from platform.tuning.cluster.join import leave
    from platform.tuning.failure import SweepBroken
    from platform.tuning.folder.process_lock import Holder, holding
    from platform.tuning.run.sweep import resume_sweep, run_sweep

    console = Console(highlight=False, soft_wrap=True, markup=False)
    log = logging.getLogger("platform")
    log.addHandler(RichHandler(console=Console(stderr=True), show_path=False))
    log.setLevel(logging.INFO)
    address, say = options.address or os.environ.get("RAY_ADDRESS"), console.print
    holder = Holder.this_process(plan.trials, plan.epochs_at_most, plan.epochs_a_trial)
    with holding(folder, holder):
        console.print(f"sweep {folder.name} in {folder.path}/, MLflow experiment {plan.experiment}")
        try:
            if options.resume:
                end = resume_sweep(loaded, plan, folder, address=address, say=say, given=given)
            else:
                end = run_sweep(
                    loaded, plan, folder, address=address, say=say, given=given, data_digest=data_digest
                )
            _report(console, folder, end)
        except SweepBroken as error:
            print(f"{error}; go on with: {_resume_command(options, folder)}", file=sys.stderr)
            return BROKE
        except (OSError, UserError) as error:
            if (words := full_disk(error, folder.path)) is None:
                raise
            remedy = f"; go on with: {_resume_command(options, folder)}" * folder.record_file.exists()
            print(words + remedy, file=sys.stderr)
            return BROKE
        except KeyboardInterrupt:
            if not folder.record_file.exists():
                raise
            print(f"interrupted; go on with: {_resume_command(options, folder)}", file=sys.stderr)
            return INTERRUPTED
        finally:
            leave()
    return _exit_code(end, options, folder)


def _exit_code(end: "SweepEnd", options: argparse.Namespace, folder: "SweepFolder") -> int:
    if end.is_interrupted:
        print(f"interrupted; go on with: {_resume_command(options, folder)}", file=sys.stderr)
        return INTERRUPTED
    if not end.succeeded:
        cause = end.failures[-1] if end.failures else "the budget ended before any trial's first epoch"
        print(f"no trial succeeded; the last cause: {cause}", file=sys.stderr)
        return BROKE
    return DONE


def _report(console: "Console", folder: "SweepFolder", end: "SweepEnd") -> None:
    from platform.tuning.terminal import print_table
    from platform.tuning.cluster.library_logs import chatter_to
    from reports.build.build import build_report

    with chatter_to(folder.logs), console.status("") as status:
        report = build_report(folder.path, data=end.data, progress=status.update)
    console.print()
    if end.spent:
        console.print(f"the budget of {end.spent} is spent; --resume with a larger one goes on\n")
    if remarks := [*report.failures, *report.edges, *report.confirmed]:
        console.print("\n".join(remarks) + "\n")
    print_table(console, report.rows(SHOWN_TRIALS))
    console.print(f"report: {report.page}")
    if report.undelivered is not None:
        print(report.undelivered, file=sys.stderr)


def _resume_command(options: argparse.Namespace, folder: "SweepFolder") -> str:
    words = ["python", "-m", "platform.search", str(options.space), "--resume", "--name", folder.name]
    words += ["--out", str(options.out)] if options.out != Path("runs") else []
    words += ["--address", options.address] if options.address else []
    return shlex.join(words)


if __name__ == "__main__":
    sys.exit(main())
