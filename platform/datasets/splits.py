"""The splits' names, and how rows are held out of others."""

import numpy as np
import numpy.typing as npt

from platform.config.errors import did_you_mean
from platform.datasets.errors import DataError

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""How a folder or a table may call a split -> what it is called here."""

Ints = npt.NDArray[np.int64]


def split_of(name: str, where: str) -> str:
    """The split that a table's cell means; raises :class:`DataError` for any other word."""
    split = SPLIT_NAMES.get(name.strip().lower())
    if split is None:
        choices = ", ".join(SPLITS)
        raise DataError(
            f"data.source: {where}: unknown split {name!r}{did_you_mean(name, SPLITS)}; there are {choices}"
        )
    return split


def held_out(labels_N: Ints, share: float, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rows [N] are held out: about ``share`` of each class, stratified.

    Of a class with n >= 2 rows round(share * n) are, but at least one is and one is not; of a class with
    one row none is.
    """
    chosen_N = np.zeros(len(labels_N), dtype=np.bool_)
    for label in np.unique(labels_N):
        rows = np.flatnonzero(labels_N == label)
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        chosen_N[random.permutation(rows)[:count]] = True
    return chosen_N
