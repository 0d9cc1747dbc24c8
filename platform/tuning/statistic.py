"""What a trial is worth, from its epochs: search.statistic."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

Direction = Literal["max", "min"]
Statistic = Literal["best", "last", "mean_last_3"]
"""What of a trial's epochs decides its place: the best, the last, or the mean of the last three."""


def decisive_epochs(values: Mapping[int, float], statistic: Statistic, direction: Direction) -> list[int]:
    """The epochs, of those with a value, that decide a trial's place.

    Of equally good ones the last: it is the one whose checkpoint is kept.
    """
    epochs = sorted(values)
    if statistic == "mean_last_3":
        return epochs[-3:]
    if statistic == "last":
        return epochs[-1:]
    sign = 1 if direction == "max" else -1
    finite = [epoch for epoch in epochs if math.isfinite(values[epoch])]
    return [max(finite, key=lambda epoch: (sign * values[epoch], epoch))] if finite else []


def value_of(values: Sequence[float], statistic: Statistic, direction: Direction) -> float:
    """Of the values of a trial's epochs, in their order; NaN or infinite where there is no number."""
    decisive = decisive_epochs(dict(enumerate(values)), statistic, direction)
    return sum(values[place] for place in decisive) / len(decisive) if decisive else math.nan
