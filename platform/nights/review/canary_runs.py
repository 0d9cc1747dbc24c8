"""Runs the canary of a checkout, as a bisect asks for it: a sweep in a process of its own."""

import json
from collections.abc import Callable
from pathlib import Path

from platform.config.errors import UserError
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.review.commits import Commit
from platform.nights.review.question import Question
from platform.nights.running.measured import read_measured
from platform.nights.verdicts.measured import Measured
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.command_process import run_command

INTERRUPTED = 130


def canary_runs(
    plan: LoadedPlan, asked: Question, folder: Path
) -> Callable[[Path, Commit, int], Measured | str]:
    """A function that runs the canary of a checkout with so many seeds, in this folder, as the night did.

    The sweep, ``folder``/runs/COMMIT, goes on where it was.
    The function returns what the sweep measured, or in a line why it did not run.
    """
    runs = folder / "runs"
    space = _space(plan, asked)

    def run(checkout: Path, commit: Commit, seeds: int) -> Measured | str:
        words = [
            *space,
            f"tracking.tags={json.dumps({'night': asked.night.identity, 'bisect': commit.short})}",
            f"search.confirm={{top: 1, seeds: {seeds - 1}}}",
            *("--name", commit.short, "--out", str(runs)),
        ]
        words += ["--address", plan.config.address] if plan.config.address else []
        words += ["--resume"] if SweepFolder(runs / commit.short).record_file.exists() else []
        ended = run_command("platform.search", words, folder / "log.txt", lambda: None, root=checkout)
        if ended.code == INTERRUPTED:
            raise KeyboardInterrupt
        if ended.code != 0:
            return f"exit code {ended.code}: {ended.last_line or 'it said nothing'}"
        try:
            measured = read_measured(runs / commit.short, [asked.compared.metric], is_canary=True)
        except UserError as error:
            return f"its sweep cannot be read: {error}"
        return measured[asked.compared.metric]

    return run


def _space(plan: LoadedPlan, asked: Question) -> list[str]:
    """The canary's YAML as a night of the level had it, whose data and settings the change was found with."""
    (canary,) = [one for one in plan.subjects[asked.night.night] if one.is_canary]
    series = asked.compared.series
    for night in reversed(asked.level):
        kept = NightFolder.of(plan.state, night.identity).space(CANARY)
        ran_it = any((one.subject, one.series) == (CANARY, series) for one in night.comparisons)
        if ran_it and kept.is_file():
            words = [str(kept)]
            break
    else:
        words = [str(canary.path), *canary.overrides]
    return words if canary.loaded.first().experiment else [*words, f"experiment={asked.night.night}"]
