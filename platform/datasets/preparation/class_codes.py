"""Class names in their order, and the integer codes that stand for them in a manifest. N: rows."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from platform.datasets.arrays import Ints

UNKNOWN = -1
"""The code of an unknown true label and of a missing given label."""


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """The distinct names, sorted as numbers if all are whole numbers, else as text."""
    distinct = set(names)
    if all(name.isascii() and name.isdigit() for name in distinct):
        return tuple(sorted(distinct, key=lambda name: (int(name), name)))
    return tuple(sorted(distinct))


def codes(labels: pd.Series, classes: tuple[str, ...]) -> Ints:
    """[N] positions in ``classes``; ``UNKNOWN`` for a label that is not one of them."""
    return np.asarray(pd.Index(classes).get_indexer(pd.Index(labels)), dtype=np.int64)
