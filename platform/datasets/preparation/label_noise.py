"""Add noise to labels on purpose. N: rows, C: classes."""

import numpy as np

from platform.config.errors import did_you_mean
from platform.datasets.arrays import Ints
from platform.datasets.data_config import AsymmetricNoise, PatternedNoise, SymmetricNoise
from platform.datasets.errors import DataError
from platform.datasets.preparation.look_alikes import nearest_other_classes, runner_up_classes
from platform.datasets.preparation.picture_features import Features


def symmetric(labels_N: Ints, classes: int, noise: SymmetricNoise, random: np.random.Generator) -> Ints:
    """Replace exactly round(rate * N) labels by another class, drawn uniformly.

    A class of n_c rows loses rate * n_c labels, give or take one: counts are rounded along the running total,
    so that small classes add up to the right rate.
    """
    flipped = _flips(labels_N, noise.rate, random)
    steps = random.integers(1, classes, size=len(flipped))
    noisy_N = labels_N.copy()
    noisy_N[flipped] = (labels_N[flipped] + steps) % classes
    return noisy_N


def asymmetric(
    labels_N: Ints, classes: tuple[str, ...], noise: AsymmetricNoise, random: np.random.Generator
) -> Ints:
    """Replace round(rate * n) of the n labels in the class map by the class that it gives."""
    target_C = np.arange(len(classes))
    for source, target in noise.class_map.items():
        target_C[_code(source, classes)] = _code(target, classes)
    is_mapped_N = target_C[labels_N] != labels_N
    rows = np.flatnonzero(is_mapped_N)
    flipped = rows[_flips(labels_N[rows], noise.rate, random)]
    noisy_N = labels_N.copy()
    noisy_N[flipped] = target_C[labels_N[flipped]]
    return noisy_N


def patterned(
    labels_N: Ints, features_NF: Features, noise: PatternedNoise, random: np.random.Generator
) -> Ints:
    """Replace exactly round(rate * N) labels, as many per class as :func:`symmetric`, by a similar class.

    ``features_NF`` describe the images. There must be at least two classes.
    """
    flipped = _flips(labels_N, noise.rate, random)
    noisy_N = labels_N.copy()
    if noise.model == "linear":
        noisy_N[flipped] = runner_up_classes(labels_N, features_NF, random)[flipped]
    else:
        noisy_N[flipped] = nearest_other_classes(labels_N, features_NF, flipped)
    return noisy_N


def number_of_flips(labels_N: Ints, rate: float) -> int:
    """The number of labels that noise of this rate changes."""
    return int(np.floor(len(labels_N) * rate + 0.5))


def _flips(labels_N: Ints, rate: float, random: np.random.Generator) -> Ints:
    """Positions of the round(rate * N) rows to change, spread over the classes by their size."""
    present, counts = np.unique(labels_N, return_counts=True)
    totals = np.floor(np.cumsum(counts) * rate + 0.5).astype(np.int64)
    quotas = np.diff(totals, prepend=0)
    chosen = [
        random.permutation(np.flatnonzero(labels_N == label))[:quota]
        for label, quota in zip(present, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)


def _code(name: str, classes: tuple[str, ...]) -> int:
    if name not in classes:
        raise DataError(f"data.noise.class_map: there is no class {name!r}{did_you_mean(name, classes)}")
    return classes.index(name)
