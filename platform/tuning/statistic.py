"""What a trial is worth, from its epochs: search.statistic."""

import math
from collections.abc import Sequence
from typing import Literal

Statistic = Literal["best", "last", "mean_last_3"]
"""What of a trial's epochs decides its place: the best, the last, or the mean of the last three."""


def value_of(values: Sequence[float], statistic: Statistic, direction: Literal["max", "min"]) -> float:
    """Of the values of a trial's epochs, in their order; NaN or infinite where there is no number."""
    if statistic == "best":
        finite = [value for value in values if math.isfinite(value)]
        return (max if direction == "max" else min)(finite, default=math.nan)
    last = values[-3:] if statistic == "mean_last_3" else values[-1:]
    return sum(last) / len(last) if last else math.nan
