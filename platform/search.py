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

if TYPE_CHECKING:
    from rich.console import Console

    from platform.config.load import LoadedSpace
    from platform.tuning.plan import Plan
    from platform.tuning.sweep import SweepEnd
    from platform.tuning.sweep_config import SweepConfig
    from platform.tuning.sweep_folder import SweepFolder

DONE, BROKE, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
SHOWN_TRIALS = 10


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    if problem := _misuse(options):
        parser.error(problem)
    try:
        return _search(options) if options.space else _oversee(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted before the sweep began", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
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
        help="go on with an interrupted sweep, or one whose --trials or --budget were too few",
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
    look.add_argument(
        "--list", action="store_true", help="the sweeps below runs/, or --out, and how they stand"
    )
    look.add_argument("--status", metavar="NAME", help="one sweep: its trials, the best, what is left")
    look.add_argument(
        "--stop", metavar="NAME", help="stop a running sweep as one Ctrl-C would: --resume goes on"
    )
    look.add_argument("--json", action="store_true", help="with --list or --status: for programs")
    return parser


def _misuse(options: argparse.Namespace) -> str | None:
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


def _oversee(options: argparse.Namespace) -> int:
    """``--list``, ``--status`` and ``--stop``: from files and MLflow, without Ray."""
    from rich.console import Console

    from platform.tuning.holder import ask_to_stop
    from platform.tuning.overseeing import as_json, print_list, print_status
    from platform.tuning.survey import find_sweep, survey, sweeps_in

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
    from platform.tuning.limits import overrides_of, refuse_all_but_limits
    from platform.tuning.plan import make_plan
    from platform.tuning.sweep_config import SWEEP_FIELDS, SweepConfig
    from platform.tuning.sweep_folder import folder_to_resume, new_folder

    address = options.address or os.environ.get("RAY_ADDRESS")
    overrides = overrides_of(options.space, options.overrides, trials=options.trials, budget=options.budget)
    loaded = load_space(options.space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    own_name = loaded.first().name or options.space.stem
    if options.trial is not None:
        return _run_again(loaded, own_name, options)
    name = own_name if options.name is None else options.name
    if options.plan:
        return _show_plan(make_plan(loaded, name, out=options.out, address=address))
    if options.resume:
        refuse_all_but_limits(overrides)
        folder = folder_to_resume(options.out, name, is_given=options.name is not None)
        more = overrides_of(folder.space, options.overrides, trials=options.trials, budget=options.budget)
        loaded = load_space(folder.space, SweepConfig, overrides=more, fixed=SWEEP_FIELDS)
        plan = make_plan(loaded, folder.name, out=options.out, address=address)
        plan = replace(plan, experiment=folder.read_record().experiment)
    else:
        if options.trials is not None and not loaded.space.parameters():
            raise UserError("--trials: the space has no range, so it is one training run")
        plan = make_plan(loaded, name, out=options.out, address=address)
        folder = new_folder(options.out, name, is_given=options.name is not None)
    return _run(loaded, replace(plan, name=folder.name), folder, options)


def _run_again(loaded: "LoadedSpace[SweepConfig]", own_name: str, options: argparse.Namespace) -> int:
    """``--trial``: the space only says where MLflow is; everything else comes from the run."""
    from tempfile import TemporaryDirectory

    from platform.tuning.plan import make_plan
    from platform.tuning.rerun import TOLERANCE, compare, differences_of_code, past_trial, space_of
    from platform.tuning.sweep_folder import new_folder

    if options.resume or options.plan or options.overrides or options.trials or options.budget:
        raise UserError("--trial runs a trial as it was: no override, --plan, --resume, --trials or --budget")
    past = past_trial(options.trial, loaded.first().tracking)
    for difference in differences_of_code(past):
        print(difference, file=sys.stderr)
    with TemporaryDirectory() as folder:
        space = space_of(past, Path(folder) / "space.yaml")
    name = options.name or f"{past.sweep}-{past.trial.trial_id}-again"
    plan = make_plan(space, name, address=options.address or os.environ.get("RAY_ADDRESS"))
    folder_of_run = new_folder(options.out, name, is_given=options.name is not None)
    plan = replace(plan, name=folder_of_run.name)
    code = _run(space, plan, folder_of_run, options, data_digest=past.data_digest)
    if code != DONE:
        return code
    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    comparison = compare(past, folder_of_run, tolerance)
    print(comparison)
    return DONE if comparison.came_back else BROKE


def _show_plan(plan: "Plan") -> int:
    from rich.console import Console

    from platform.tuning.plan import render

    Console().print(render(plan))
    return DONE


def _run(
    loaded: "LoadedSpace[SweepConfig]",
    plan: "Plan",
    folder: "SweepFolder",
    options: argparse.Namespace,
    data_digest: str | None = None,
) -> int:
    from rich.console import Console
    from rich.logging import RichHandler

    from platform.tuning.quiet import quiet_settings

    quiet_settings()
    from platform.training.disk import full_disk
    from platform.tuning.cluster import leave
    from platform.tuning.failure import SweepBroken
    from platform.tuning.holder import Holder, holding
    from platform.tuning.sweep import resume_sweep, run_sweep

    console = Console(highlight=False, soft_wrap=True, markup=False)
    log = logging.getLogger("platform")
    log.addHandler(RichHandler(console=Console(stderr=True), show_path=False))
    log.setLevel(logging.INFO)
    address = options.address or os.environ.get("RAY_ADDRESS")
    holder = Holder.this_process(plan.trials, plan.epochs_at_most, plan.epochs_a_trial)
    with holding(folder, holder):
        console.print(f"sweep {folder.name} in {folder.path}/, MLflow experiment {plan.experiment}")
        try:
            if options.resume:
                end = resume_sweep(loaded, plan, folder, address=address, say=console.print)
            else:
                end = run_sweep(
                    loaded, plan, folder, address=address, say=console.print, data_digest=data_digest
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
    from platform.tuning.closing import print_table
    from platform.tuning.quiet import chatter_to
    from reports.build import build_report

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
