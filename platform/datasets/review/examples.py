"""A few images of each class that surely show it, beside which a person judges another image."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.audit.answers import Answer
from platform.datasets.review.audited import Audited, row_of, rows_of
from platform.datasets.review.order import in_turn

EXAMPLES = 4


def examples(audited: Audited, said: Mapping[str, Answer]) -> list[list[int]]:
    """For each class rows of ``images.parquet``, at most :data:`EXAMPLES`.

    First images that a person called right; then images at random, without findings, from the half of the
    class with the lowest probability of a wrong label where the audit has scores. Only training images that
    can be read; images with findings where a class has no others.
    """
    rows_N = np.flatnonzero(audited.can_be_asked & audited.is_train)
    doubt_N = _doubt(audited, said)[rows_N]
    codes_N = audited.codes[rows_N]
    place_N = np.empty(len(rows_N), dtype=np.int64)
    place_N[in_turn(codes_N, seed=1)] = np.arange(len(rows_N))
    order = np.lexsort([place_N, doubt_N, codes_N])
    starts = np.searchsorted(codes_N[order], np.arange(len(audited.classes) + 1))
    return [rows_N[order[start : min(start + EXAMPLES, end)]].tolist() for start, end in pairwise(starts)]


def _doubt(audited: Audited, said: Mapping[str, Answer]) -> Ints:
    """[N] 0: a person called it right; 1: nothing is found and it is of the surer half; 2: nothing is
    found; 3: something is; 4: a person called it something else."""
    doubt_N = np.full(len(audited.paths), 1, dtype=np.int64)
    scores = audited.scores
    if scores is not None:
        rows = rows_of(audited, scores["path"])
        half = scores.groupby("label")["p_wrong"].transform("median")
        is_less_sure = (scores["p_wrong"].isna() | (scores["p_wrong"] > half)).to_numpy()
        doubt_N[rows[is_less_sure & (rows >= 0)]] = 2
    found = rows_of(audited, audited.issues["path"])
    doubt_N[found[found >= 0]] = 3
    for path, answer in said.items():
        row = row_of(audited, path)
        if row >= 0:
            doubt_N[row] = 0 if answer.answer == "right" else 4
    return doubt_N
