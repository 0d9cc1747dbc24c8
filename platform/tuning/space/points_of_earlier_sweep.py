"""``search.start_with: {from: NAME, best: N}``: the best trials of an earlier sweep, laid into this space."""

import math
from pathlib import Path
from typing import Any, cast

from platform.config.load import LoadedSpace
from platform.tracking.reading.reader import read_sweep
from platform.tracking.records import TrialRecord
from platform.tuning.goals import gains, reached
from platform.tuning.names import named_settings
from platform.tuning.pareto import by_preference
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.space.start_points import PointError, Start, fit_point, refusal, written_starts
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder


def starts_of(loaded: LoadedSpace[SweepConfig], runs: Path) -> tuple[list[Start], list[str]]:
    """All points of search.start_with, in their order, and in words what of earlier sweeps did not fit.

    ``runs`` is the folder of the sweeps. Raises ConfigError for a point that is none of the space, UserError
    for a sweep that is not there or has no trial that fits.
    """
    starts: list[Start] = []
    said: list[str] = []
    for place, entry in enumerate(loaded.first().search.start_with):
        if "from" in entry:
            found, misfits = _best_of(loaded, place, _sweep_of(loaded, place, runs))
            starts += found
            said += misfits
        else:
            starts += written_starts(loaded, place)
    return starts, said


def _sweep_of(loaded: LoadedSpace[SweepConfig], place: int, runs: Path) -> SweepFolder:
    name = str(loaded.first().search.start_with[place]["from"])
    for path in (runs / name, Path(name)):
        if SweepFolder(path).record_file.exists():
            return SweepFolder(path)
    there = sorted(path.parent.name for path in runs.glob("*/sweep.json"))
    message = f"no sweep {name!r} in {runs}; there are: {', '.join(there) or 'none'}"
    raise refusal(loaded, place, "from", message)


def _best_of(
    loaded: LoadedSpace[SweepConfig], place: int, folder: SweepFolder
) -> tuple[list[Start], list[str]]:
    """Its best trials that fit this space, by this search's goals and statistic."""
    search = loaded.first().search
    record = folder.read_record()
    trials = read_sweep(record.tracking_uri, record.parent_run_id).trials
    found = [
        (gains(values, search.goals), trial)
        for trial in trials
        if trial.confirms is None and trial.outcome != "failed"
        if all(map(math.isfinite, values := _reached(search, trial)))
    ]
    if not found:
        metrics = " and ".join(goal.metric for goal in search.goals)
        raise refusal(loaded, place, "from", f"no trial of {folder.path} reported {metrics}")
    wanted = cast("int", search.start_with[place].get("best", 1))
    starts: list[Start] = []
    misfits: list[str] = []
    for preferred in by_preference([each for each, _ in found]):
        trial = found[preferred][1]
        try:
            parameters = fit_point(loaded, _searched_here(loaded, trial))
        except PointError as error:
            misfits.append(f"trial {trial.trial_id} of {folder.name} is left out: {error}")
            continue
        starts.append(Start(parameters, f"{folder.name}/{trial.trial_id}"))
        if len(starts) == wanted:
            break
    if not starts:
        raise refusal(loaded, place, "from", f"no trial of {folder.path} fits this space; {misfits[0]}")
    return starts, misfits


def _reached(search: SearchConfig, trial: TrialRecord) -> tuple[float, ...]:
    history = {name: dict(points) for name, points in trial.history.items()}
    return reached(history, search.goals, search.statistic)


def _searched_here(loaded: LoadedSpace[SweepConfig], trial: TrialRecord) -> dict[str, Any]:
    """Of what that sweep searched or had fixed, what this one searches.

    Raises PointError where nothing is common to both.
    """
    known = named_settings(trial.config) | dict(trial.searched)
    point = {one.path: known[one.path] for one in loaded.space.parameters() if one.path in known}
    if not point:
        raise PointError("", "it has nothing that is searched here")
    return point
