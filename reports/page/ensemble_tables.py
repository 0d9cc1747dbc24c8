"""The page's tables of ensembles: on validation, and the finalists on test."""

import math
from collections.abc import Mapping, Sequence

from reports.ensembles.selection import ensemble_name
from reports.page.ranking_tables import other_labels
from reports.page.sentences import difference, interval
from reports.page.tables import Column, Table
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.rank import number
from reports.sweeps.contents import Contents, Ensembles, TestScores

CLASSIFIED = {
    "accuracy": "Accuracy",
    "macro_accuracy": "Macro accuracy",
    "loss": "Loss",
    "ece": "Calibration error",
}
RETRIEVED = {
    "recall_at_1": "Recall at 1",
    "rank_5": "Rank 5",
    "rank_10": "Rank 10",
    "map": "Mean average precision",
}
"""Metrics and their headings: of data with classes, and of data with identities."""

_VALIDATION = ("loss", "ece", "recall_at_1", "rank_10")


def ensembles_table(contents: Contents, found: Ensembles) -> Table:
    """The best ensemble of each rule, then each member alone, on validation."""
    metric = contents.identity.metric
    best, singles = found.best, found.evaluated
    metrics = [*(one.metrics for one in best), *(one.metrics for one in singles)]
    gains = [one[metric] - singles[0].metrics[metric] for one in metrics]
    costs = [*map(found.costs, best), *((one.parameters, one.ms_an_image) for one in singles)]
    is_best = [one == found.winner for one in best] + [place == 0 for place in range(len(singles))]
    names = [*map(ensemble_name, best), *("single" for _ in singles)]
    labels = other_labels(contents)
    headings = dict([labels] if labels else [])
    headings |= {f"val/{key}": name for key, name in metric_headings(contents).items() if key in _VALIDATION}
    columns = [
        Column("Prediction", [f"{name}{', best' * sure}" for name, sure in zip(names, is_best, strict=True)]),
        _metric(metric, metric, metrics),
        _gain([None if place == len(best) else gain for place, gain in enumerate(gains)]),
        _interval([*(one.gain for one in best), *(None for _ in singles)]),
        *(_metric(heading, key, metrics) for key, heading in headings.items()),
        Column("Weights, millions", [of / 1e6 if of else None for of, _ in costs], "{:.2f}".format, "number"),
        Column("ms an image", [time or None for _, time in costs], "{:.2f}".format, "number"),
        Column("Trials", [*(", ".join(found.names(one)) for one in best), *(one.name for one in singles)]),
    ]
    chosen = {place for place, sure in enumerate(is_best) if sure and (place < len(best) or not found.winner)}
    return Table("ensembles", columns, chosen=frozenset(chosen))


def finalists_on_test_table(contents: Contents, found: TestScores) -> Table:
    """The finalists on test, with their gain over the best single trial."""
    metrics = [one.metrics for one in found.scores]
    gains = [one.gain for one in found.scores]
    columns = [
        Column("Finalist", [one.name for one in found.scores]),
        *(_metric(heading, key, metrics) for key, heading in metric_headings(contents).items()),
        _gain([one.difference if one else None for one in gains]),
        _interval(gains),
        Column("Trials", [", ".join(one.trials) for one in found.scores]),
    ]
    return Table("test", columns)


def metric_headings(contents: Contents) -> dict[str, str]:
    return RETRIEVED if contents.data is not None and contents.data.are == "identities" else CLASSIFIED


def _metric(heading: str, key: str, metrics: Sequence[Mapping[str, float]]) -> Column:
    return Column(heading, [one.get(key, math.nan) for one in metrics], number, "number")


def _gain(values: Sequence[float | None]) -> Column:
    return Column("Gain", values, lambda value: difference(value, 0), "number")


def _interval(gains: Sequence[Gain | None]) -> Column:
    return Column("95% interval of the gain", [interval(one) if one else None for one in gains])
