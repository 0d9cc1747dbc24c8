"""``search.start_with: {from: NAME, best: N}``: start points from the best trials of an earlier sweep."""

import math
from pathlib import Path
from typing import Any, cast

from platform.config.load import LoadedSpace
from platform.tracking.reading.reader import read_sweep
from platform.tracking.records import TrialRecord
from platform.tuning.folder.moved import identity_here
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.goals import gains, reached
from platform.tuning.names import named_settings
from platform.tuning.pareto import by_preference
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.start_points import PointError, Start, fit_point, refusal, written_starts


def starts_of(loaded: LoadedSpace[SweepConfig], runs: Path) -> tuple[list[Start], list[str]]:
    """All points of search.start_with, in order, and a message for each earlier trial that does not fit.

    ``runs`` is the folder of the sweeps. Raises ConfigError for a point outside the space, and for a sweep
    that does not exist or has no trial that fits.
    """
    starts: list[Start] = []
    messages: list[str] = []
    for place, entry in enumerate(loaded.first().search.start_with):
        if "from" in entry:
            found, misfits = _best_of(loaded, place, _sweep_of(loaded, place, runs))
            starts += found
            messages += misfits
        else:
            starts += written_starts(loaded, place)
    return starts, messages


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
    """The sweep's best trials that fit this space, by this search's goals and statistic."""
    search = loaded.first().search
    record, _ = identity_here(folder)
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
    """The trial's values, searched or constant, of the parameters that this space searches.

    Raises PointError if there are none.
    """
    known = named_settings(trial.config) | dict(trial.searched)
    point = {one.path: known[one.path] for one in loaded.space.parameters() if one.path in known}
    if not point:
        raise PointError("", "it has nothing that is searched here")
    return point
