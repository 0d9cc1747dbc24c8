"""A comparison as words: ``canary val/accuracy 0.91 → 0.86, −0.05 (95% −0.07 to −0.03)``."""

import math

from platform.nights.ledger.records import Comparison
from platform.tuning.terminal import duration

MOST_DECIMALS, MIDDLE_DECIMALS = 6, 4


def compared(one: Comparison) -> str:
    """Level, tonight's mean and the difference with its interval; the mean alone where there is no level."""
    what = f"{one.subject} {one.metric}"
    if one.level is None or one.difference is None:
        return f"{what} {number(one.mean, MIDDLE_DECIMALS)}"
    if one.is_identical:
        return f"{what} {number(one.mean, MIDDLE_DECIMALS)}, seed by seed as in an earlier night"
    decimals = _decimals(one)
    change = f"{number(one.level, decimals)} → {number(one.mean, decimals)}"
    words = f"{what} {change}, {signed(one.difference, decimals)}"
    if one.low is None or one.high is None:
        return words
    return f"{words} (95% {signed(one.low, decimals)} to {signed(one.high, decimals)})"


def number(value: float, decimals: int) -> str:
    """A typographic minus, which does not break."""
    return f"{value:.{decimals}f}".replace("-", "−")


def signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", "−")


def cost(seconds: float, gpu_hours: float) -> str:
    """Duration, and GPU hours where a GPU was used."""
    return duration(seconds) + (f", {gpu_hours:.1f} GPU hours" if gpu_hours else "")


def _decimals(one: Comparison) -> int:
    """So many that half of the interval, or without one the difference, is not rounded to nothing."""
    size = abs(one.difference or 0.0)
    if one.low is not None and one.high is not None and one.high > one.low:
        size = (one.high - one.low) / 2
    return min(max(2, math.ceil(-math.log10(size))), MOST_DECIMALS) if size > 0 else MIDDLE_DECIMALS
