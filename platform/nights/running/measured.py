"""What a night's sweep measured: the value of each seed, and of each validation image with it."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from platform.nights.verdicts.measured import Measured
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.tuning.goals import Goal, natural_direction, reached

if TYPE_CHECKING:
    from platform.datasets.preparation.data import Data
    from platform.tracking.records import TrialRecord
    from reports.sweeps.inputs import Inputs

FIRST_SEED = 0
"""The number of a canary's first trial among its seeds; its repeats have 1, 2, …"""
SAME = 1e-4
"""How far the mean over images may be from the trial's value: checkpoints are rounded, metrics are not."""


def read_measured(run_folder: Path, metrics: Sequence[str], *, is_canary: bool) -> dict[str, Measured]:
    """Each metric's values by seed of the sweep's first finalist, and its values by image.

    The finalist is the search's best trial, whose own value was selected and does not count: its repeats with
    other seeds do. Of a canary, which selects nothing, the trial itself is seed 0.

    Raises:
        UserError: the folder is not a sweep's, or its data are gone.
    """
    from reports.sweeps.inputs import read_inputs

    inputs = read_inputs(run_folder, None)
    trials = _of_first_finalist(inputs, is_canary=is_canary)
    images = _by_image(inputs, trials, metrics)
    found = {}
    for metric in metrics:
        values = {seed: _value(inputs, trial, metric) for seed, trial in trials.items()}
        finite = {seed: value for seed, value in values.items() if math.isfinite(value)}
        found[metric] = Measured(finite, _agreeing(finite, images.get(metric, {})))
    return found


def _of_first_finalist(inputs: "Inputs", *, is_canary: bool) -> dict[int, "TrialRecord"]:
    """Its trials with a result, by the number of their seed."""
    by_trial: dict[str, dict[int, TrialRecord]] = {}
    for one in inputs.repeats:
        if one.outcome == "finished" and one.confirms is not None:
            by_trial.setdefault(one.confirms, {})[int(one.trial_id.rpartition("-")[2])] = one
    if is_canary:
        first = next((one for one in inputs.sweep.trials if one.outcome == "finished"), None)
        return {} if first is None else {FIRST_SEED: first, **by_trial.get(first.trial_id, {})}
    goal = Goal(inputs.metric, inputs.mode)
    ranked = sorted(
        (one for one in inputs.sweep.trials if one.trial_id in by_trial),
        key=lambda one: goal.sign * _value(inputs, one, inputs.metric),
        reverse=True,
    )
    return dict(sorted(by_trial[ranked[0].trial_id].items())) if ranked else {}


def _value(inputs: "Inputs", trial: "TrialRecord", metric: str) -> float:
    """The metric in the epochs that decide the trial by the sweep's own metric and statistic."""
    history = {name: dict(points) for name, points in trial.history.items()}
    goals = (Goal(inputs.metric, inputs.mode), Goal(metric, natural_direction(metric)))
    return reached(history, goals, inputs.identity.statistic)[1]


def _by_image(
    inputs: "Inputs", trials: Mapping[int, "TrialRecord"], metrics: Sequence[str]
) -> dict[str, dict[int, np.ndarray]]:
    """Values [N] by metric and seed, from the kept predictions of each trial's best checkpoint."""
    from reports.ranking.paired_bootstrap import SAMPLE_METRICS

    known = [metric for metric in metrics if metric.rpartition("/")[2] in SAMPLE_METRICS]
    if not known or inputs.identity.statistic != "best" or inputs.data_config.identities is not None:
        return {}
    data = _data(inputs)
    found: dict[str, dict[int, np.ndarray]] = {metric: {} for metric in known}
    labels_N = data.evaluation_labels("val")
    for seed, trial in trials.items():
        if (predicted_NC := _predicted(inputs, trial, data)) is None:
            continue
        for metric in known:
            values_N = SAMPLE_METRICS[metric.rpartition("/")[2]](predicted_NC, labels_N)
            found[metric][seed] = -values_N if metric.endswith("/loss") else values_N
    return found


def _data(inputs: "Inputs") -> "Data":
    from platform.datasets.preparation.prepare import prepare

    return prepare(inputs.data_config, inputs.image_size)


def _predicted(inputs: "Inputs", trial: "TrialRecord", data: "Data") -> np.ndarray | None:
    """[N, C], or None if the trial has no checkpoint any more."""
    from reports.evaluation.checkpoints import ReportError, checkpoint_digest, find_checkpoint
    from reports.evaluation.predictions import kept_prediction

    try:
        checkpoint = find_checkpoint(inputs.trials, trial, inputs.metric, inputs.mode)
    except ReportError:
        return None
    digest = checkpoint_digest(checkpoint.fetched())
    return kept_prediction(checkpoint, digest, data, inputs.folder.path).mean_NC


def _agreeing(values: Mapping[int, float], images: Mapping[int, np.ndarray]) -> np.ndarray | None:
    """[S, N] in the order of ``values``, if every seed has its images and their mean is the seed's value."""
    rows = [images.get(seed) for seed in values]
    if not rows or any(row is None for row in rows):
        return None
    values_SN = np.stack([row for row in rows if row is not None])
    means = values_SN.mean(axis=1)
    is_same = np.allclose(means, list(values.values()), rtol=0, atol=SAME)
    return values_SN if is_same else None


def write_measured(file: Path, measured: Mapping[tuple[str, str], Measured]) -> None:
    """Keep what each subject's metric measured, for the comparisons of later nights."""
    arrays: dict[str, np.ndarray] = {}
    index = []
    for place, ((subject, metric), one) in enumerate(measured.items()):
        arrays[f"seeds_{place}"] = np.array(list(one.values), dtype=np.int64)
        arrays[f"values_{place}"] = np.array(list(one.values.values()), dtype=np.float64)
        if one.images_SN is not None:
            arrays[f"images_{place}"] = one.images_SN.astype(np.float32)
        index.append([subject, metric])
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), dtype=np.uint8)
    write_whole(file, npz(arrays))


def kept_measured(file: Path) -> dict[tuple[str, str], Measured]:
    """What :func:`write_measured` kept; empty where there is no file."""
    arrays = read_npz(file)
    if arrays is None:
        return {}
    index = json.loads(arrays["index"].tobytes())
    return {
        (subject, metric): Measured(
            dict(
                zip(
                    (int(seed) for seed in arrays[f"seeds_{place}"]),
                    (float(value) for value in arrays[f"values_{place}"]),
                    strict=True,
                )
            ),
            arrays.get(f"images_{place}"),
        )
        for place, (subject, metric) in enumerate(index)
    }


def only(measured: Measured, seeds: Collection[int]) -> Measured:
    """The values of these seeds, as far as they are there."""
    return _of_seeds(measured, [seed for seed in measured.values if seed in seeds])


def without(measured: Measured, seeds: Collection[int]) -> Measured | None:
    """The values of the other seeds; None if there are none."""
    others = [seed for seed in measured.values if seed not in seeds]
    return _of_seeds(measured, others) if others else None


def _of_seeds(measured: Measured, seeds: Sequence[int]) -> Measured:
    places = [list(measured.values).index(seed) for seed in seeds]
    images = measured.images_SN
    return Measured(
        {seed: measured.values[seed] for seed in seeds}, None if images is None else images[places]
    )
