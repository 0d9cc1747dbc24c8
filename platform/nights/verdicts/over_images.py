"""Crossed bootstrap over seeds and images: would the difference hold with other seeds and on other images?"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from platform.nights.verdicts.level import FEWEST_SEEDS
from platform.nights.verdicts.measured import FloatArray, Measured

CONFIDENCE = 0.95
RESAMPLES = 2000
_DRAWN_AT_ONCE = 5_000_000


def interval_over_images(
    tonight: Measured, level: Sequence[Measured], *, difference: float, freedom: float
) -> tuple[float, float] | None:
    """The 95% interval of ``difference``, tonight's mean minus the level's; None without values per image.

    Seeds of tonight, seeds of the level and images are drawn with replacement, independently of one another
    (Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007). An image is drawn for both sides
    at once. A seed of the level is drawn with all its nights, so that a value that persists is no further
    draw. A few seeds spread too little when drawn from themselves: their deviations are scaled by
    sqrt(n / (n - 1)), and the percentiles' distance from the difference by t / z, whose degrees of freedom
    are ``freedom`` for the seeds' part of the variance and infinite for the images' (Welch, Satterthwaite).
    What depends on seed and image together is counted up to three times, as Owen shows: the interval is never
    too narrow for that, and up to sqrt(3) times too wide where it is all there is.

    Raises:
        ValueError: two nights were measured on different numbers of images.
    """
    nights = [one for one in level if one.images_SN is not None and one.finished]
    if tonight.images_SN is None or not nights:
        return None
    tonight_SN, level_SN = _by_seed([tonight]), _by_seed(nights)
    if min(len(tonight_SN), len(level_SN)) < FEWEST_SEEDS:
        return None
    if tonight_SN.shape[1] != level_SN.shape[1]:
        raise ValueError(_other_images(tonight_SN.shape[1], level_SN.shape[1]))
    mean_N = tonight_SN.mean(axis=0) - level_SN.mean(axis=0)
    random = np.random.default_rng(0)
    of_seeds, of_both = [], []
    for size in _parts(RESAMPLES, len(mean_N)):
        seeds_RN = _drawn_seeds(tonight_SN, size, random) - _drawn_seeds(level_SN, size, random)
        images_RN = random.integers(len(mean_N), size=seeds_RN.shape)
        of_seeds.append(seeds_RN.mean(axis=1))
        of_both.append(np.take_along_axis(seeds_RN + mean_N, images_RN, axis=1).mean(axis=1))
    seeds_R, both_R = np.concatenate(of_seeds), np.concatenate(of_both) - mean_N.mean()
    wider = _wider(float(seeds_R.var()), float(both_R.var()), freedom)
    upper = (1 + CONFIDENCE) / 2
    low, high = np.quantile(both_R, [1 - upper, upper])
    return difference + wider * float(low), difference + wider * float(high)


def _by_seed(nights: Sequence[Measured]) -> FloatArray:
    """The mean over nights of each seed's values per image [S, N]."""
    rows: dict[int, list[FloatArray]] = {}
    for night in nights:
        for seed in night.finished:
            rows.setdefault(seed, []).append(night.images_of(seed))
    counts = sorted({len(one_N) for each in rows.values() for one_N in each})
    if len(counts) > 1:
        raise ValueError(_other_images(*counts))
    return np.array([np.mean(each, axis=0) for each in rows.values()])


def _drawn_seeds(values_SN: FloatArray, size: int, random: np.random.Generator) -> FloatArray:
    """The scaled deviation of the mean of S drawn seeds from the mean of all, per image [R, N]."""
    seeds = len(values_SN)
    weights_RS = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=size) / seeds
    deviations_SN = (values_SN - values_SN.mean(axis=0)) * math.sqrt(seeds / (seeds - 1))
    drawn_RN: FloatArray = weights_RS @ deviations_SN
    return drawn_RN


def _wider(of_seeds: float, of_both: float, freedom: float) -> float:
    """t / z, where the part ``of_seeds`` of the variance ``of_both`` has ``freedom`` degrees of freedom."""
    if of_both == 0 or of_seeds == 0:
        return 1.0
    upper = (1 + CONFIDENCE) / 2
    together = freedom * max(1.0, of_both / of_seeds) ** 2
    return float(stdtrit(together, upper)) / NormalDist().inv_cdf(upper)


def _other_images(*counts: int) -> str:
    return f"nights of {' and '.join(map(str, counts))} validation images cannot be compared image by image"


def _parts(resamples: int, images: int) -> list[int]:
    at_once = max(1, _DRAWN_AT_ONCE // images)
    return [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
