"""Names of the splits, and stratified hold-out. N: rows."""

import numpy as np
import numpy.typing as npt

from platform.config.errors import did_you_mean
from platform.datasets.arrays import Ints
from platform.datasets.errors import DataError

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names of splits in folders and tables -> our names."""


def split_of(name: str, where: str) -> str:
    """The split that a table's cell names; raises :class:`DataError` for an unknown name."""
    split = SPLIT_NAMES.get(name.strip().lower())
    if split is None:
        choices = ", ".join(SPLITS)
        raise DataError(
            f"data.source: {where}: unknown split {name!r}{did_you_mean(name, SPLITS)}; there are {choices}"
        )
    return split


def held_out(labels_N: Ints, share: float, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rows [N] to hold out: about ``share`` of each class.

    round(share * n) rows of a class with n >= 2 rows, at least 1 and at most n - 1; none of a class with one.
    """
    chosen_N = np.zeros(len(labels_N), dtype=np.bool_)
    for label in np.unique(labels_N):
        rows = np.flatnonzero(labels_N == label)
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        chosen_N[random.permutation(rows)[:count]] = True
    return chosen_N
