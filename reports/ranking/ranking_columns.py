"""Further columns of the ranking: other metrics of each trial, and what it cost."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from platform.tracking.records import TrialRecord
from reports.ranking.rank import RankedTrial, number
from reports.ranking.trials_table import at_epoch

QUALITIES = {
    "val/macro_accuracy": "Macro accuracy",
    "val/many_shot": "Many-shot",
    "val/medium_shot": "Medium-shot",
    "val/few_shot": "Few-shot",
    "val/ece": "Calibration error",
    "val/recall_at_1": "Recall at 1",
    "val/rank_5": "Rank 5",
    "val/rank_10": "Rank 10",
    "val/map": "Mean average precision",
}
HOUR_S = 3600


@dataclass(frozen=True)
class RankingColumn:
    """``values`` by trial, NaN if a trial has none; ``shown`` formats one of them."""

    heading: str
    values: dict[str, float]
    shown: Callable[[float], str]


def ranking_columns(
    ranking: Sequence[RankedTrial], metric: str, gpus: Mapping[str, float]
) -> list[RankingColumn]:
    """The columns in which any trial has a value.

    Metrics are those of the trial's best epoch. Images a second: the median over its training epochs;
    parameters: of the networks that predict; accelerator-hours: its epochs' time multiplied by its ``gpus``.
    """
    columns = [
        RankingColumn(
            heading,
            {one.trial.trial_id: at_epoch(one.trial, name, one.best_epoch) for one in ranking},
            number,
        )
        for name, heading in QUALITIES.items()
        if name != metric
    ]
    trials = [one.trial for one in ranking]
    columns += [
        RankingColumn("Images/s", {one.trial_id: _images_a_second(one) for one in trials}, "{:,.0f}".format),
        RankingColumn(
            "Parameters, millions", {one.trial_id: _millions(one) for one in trials}, "{:.2f}".format
        ),
        RankingColumn(
            "Accelerator-hours",
            {one.trial_id: _accelerator_hours(one, gpus.get(one.trial_id, 0.0)) for one in trials},
            "{:.3f}".format,
        ),
    ]
    return [one for one in columns if any(map(math.isfinite, one.values.values()))]


def _finite(trial: TrialRecord, metric: str) -> list[float]:
    return [value for _, value in trial.history.get(metric, []) if math.isfinite(value)]


def _images_a_second(trial: TrialRecord) -> float:
    values = _finite(trial, "time/images_per_s")
    return median(values) if values else math.nan


def _millions(trial: TrialRecord) -> float:
    values = _finite(trial, "model/parameters")
    return values[-1] / 1e6 if values else math.nan


def _accelerator_hours(trial: TrialRecord, gpus: float) -> float:
    return gpus * sum(_finite(trial, "time/epoch_s")) / HOUR_S if gpus else math.nan
