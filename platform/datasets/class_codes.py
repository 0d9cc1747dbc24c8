"""Classes in their order, and labels as places among them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from platform.datasets.splits import Ints


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Each once, sorted: as numbers if all are whole numbers."""
    there = set(names)
    if all(name.isascii() and name.isdigit() for name in there):
        return tuple(sorted(there, key=lambda name: (int(name), name)))
    return tuple(sorted(there))


def codes(labels: pd.Series, classes: tuple[str, ...]) -> Ints:
    """[N] places in ``classes``; -1 where there is no label."""
    return np.asarray(pd.Index(classes).get_indexer(pd.Index(labels)), dtype=np.int64)
