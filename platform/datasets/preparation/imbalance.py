"""Exponential long-tail subsampling."""

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.errors import DataError


def long_tail_counts(available_C: Ints, imbalance: float) -> Ints:
    """Rows to keep of each class c = 0 … C - 1: n_max * mu ** c, with mu = imbalance ** (-1 / (C - 1)).

    The profile of the long-tailed CIFAR sets (Cui et al., CVPR 2019, arXiv 1901.05555). n_max is the
    largest number for which every class has enough rows, so largest / smallest is ``imbalance`` up to
    rounding, even if the source is imbalanced. Raises :class:`DataError` if the last class would be empty.
    """
    shares_C = imbalance ** (-np.arange(len(available_C)) / (len(available_C) - 1))
    largest = np.floor(np.min(available_C / shares_C))
    if largest < imbalance:
        raise DataError(
            f"data.imbalance: {imbalance:g} would leave the smallest class without a training image: "
            f"the largest possible value is {int(largest)}"
        )
    counts_C: Ints = np.floor(largest * shares_C + 0.5).astype(np.int64)
    return np.minimum(counts_C, available_C)


def subsample(labels_N: Ints, classes: int, imbalance: float, random: np.random.Generator) -> Ints:
    """Positions of the rows to keep, ascending; classes are ordered by their codes."""
    keep_C = long_tail_counts(np.bincount(labels_N, minlength=classes), imbalance)
    kept = [
        random.permutation(np.flatnonzero(labels_N == label))[:count] for label, count in enumerate(keep_C)
    ]
    return np.sort(np.concatenate(kept))
