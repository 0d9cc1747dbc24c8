"""Slow drift: the exponentially weighted moving average of a series, with its control limits."""

from collections.abc import Sequence

import numpy as np

from platform.nights.verdicts.measured import FloatArray

WEIGHT = 0.2
WIDTH = 2.962
"""Limits in standard deviations of the average: with this weight it leaves them once in 500 values that do
not drift (Lucas & Saccucci, Exponentially Weighted Moving Average Control Schemes, Technometrics, 1990)."""


def ewma(
    values: Sequence[float] | FloatArray, sigma: float, *, centre: float | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The average z_t = 0.2 x_t + 0.8 z_(t-1) with z_0 = ``centre``, and its lower and upper control limits.

    Args:
        values: One a night, in order.
        sigma: Standard deviation of a value of a series that does not drift.
        centre: What the series keeps to if it does not drift: the level's mean. None: the values' mean.

    Returns:
        Average, low and high, each as long as ``values``: a night whose average lies outside has drifted. The
        limits are centre ± 2.962 sigma sqrt(w / (2 - w) (1 - (1 - w)^(2 t))), w = 0.2, for the tth night.
    """
    series = np.asarray(values, dtype=np.float64)
    middle = float(series.mean()) if centre is None and len(series) else float(centre or 0.0)
    smoothed, last = np.empty_like(series), middle
    for place, value in enumerate(series):
        last = WEIGHT * float(value) + (1 - WEIGHT) * last
        smoothed[place] = last
    times = np.arange(1, len(series) + 1)
    half = WIDTH * sigma * np.sqrt(WEIGHT / (2 - WEIGHT) * (1 - (1 - WEIGHT) ** (2 * times)))
    return smoothed, middle - half, middle + half
