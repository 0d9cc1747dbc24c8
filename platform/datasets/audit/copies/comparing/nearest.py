"""The views whose descriptors are nearest to others', by blocks; inverted lists where there are many.

E: views in the index, D: numbers of a descriptor, Q: queries, L: lists.
"""

from dataclasses import dataclass

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.small_pictures import Floats

EXACT_UP_TO = 20_000  # views: all are compared
ROUNDS = 8  # of k-means
LEARNT_FROM = 64  # views a list, for k-means
FIRST_PROBES = 4
LEAST_RECALL = 0.95
ASKED_FOR_RECALL = 400
BLOCK = 16_384  # queries at a time
TILE = 512  # queries of a list at a time: their products stay in the processor's cache


@dataclass(frozen=True)
class Near:
    """K answers: ``query`` and ``view`` numbers, and the cosine of both; by query, the nearest first."""

    query: Ints
    view: Ints
    cosine: Floats


class Index:
    """Unit vectors [E, D] in L inverted lists: one around each centre of a k-means on the sphere."""

    def __init__(self, vectors_ED: Floats) -> None:
        count = len(vectors_ED)
        lists = 1 if count <= EXACT_UP_TO else 1 << round(np.log2(count**0.5))
        self.centres_LD = _centres(vectors_ED, lists)
        list_E = np.concatenate(
            [
                (vectors_ED[first : first + BLOCK] @ self.centres_LD.T).argmax(axis=1)
                for first in range(0, count, BLOCK)
            ]
            or [np.empty(0, dtype=np.int64)]
        )
        self.view_E = np.argsort(list_E, kind="stable").astype(np.int64)
        self.start = np.searchsorted(list_E[self.view_E], np.arange(lists + 1))
        self.vectors_ED = vectors_ED[self.view_E]
        self.probes = min(FIRST_PROBES, lists)

    def near(self, queries_QD: Floats, least: float, most: int) -> Near:
        """The up to ``most`` nearest views of each query with a cosine of at least ``least``."""
        parts = [
            self._near(queries_QD[first : first + BLOCK], first, least, most, self.probes)
            for first in range(0, len(queries_QD), BLOCK)
        ]
        empty = Near(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
        parts.append(empty)
        return Near(*(np.concatenate([getattr(part, name) for part in parts]) for name in empty.__dict__))

    def set_recall(self, queries_QD: Floats, least: float, most: int) -> float:
        """Double the lists that are looked into until enough of what is near is found; the share found."""
        some = queries_QD[:: max(len(queries_QD) // ASKED_FOR_RECALL, 1)][:ASKED_FOR_RECALL]
        exact = self._near(some, 0, least, most, len(self.centres_LD))
        wanted = set(zip(exact.query.tolist(), exact.view.tolist(), strict=True))
        while True:
            near = self._near(some, 0, least, most, self.probes)
            found = wanted & set(zip(near.query.tolist(), near.view.tolist(), strict=True))
            recall = len(found) / len(wanted) if wanted else 1.0
            if recall >= LEAST_RECALL or self.probes >= len(self.centres_LD):
                return recall
            self.probes = min(2 * self.probes, len(self.centres_LD))

    def _near(self, queries_QD: Floats, first: int, least: float, most: int, probes: int) -> Near:
        lists = len(self.centres_LD)
        if probes == lists:
            asked_in = np.tile(np.arange(lists), (len(queries_QD), 1))
        else:
            to_centres = queries_QD @ self.centres_LD.T
            asked_in = np.argpartition(-to_centres, probes - 1, axis=1)[:, :probes]
        query_by_list = np.argsort(asked_in.reshape(-1), kind="stable") // probes
        cuts = np.searchsorted(np.sort(asked_in.reshape(-1)), np.arange(lists + 1))
        asked = [query_by_list[cuts[place] : cuts[place + 1]] for place in range(lists)]
        found = [self._in_list(queries_QD, place, asked[place], least) for place in range(lists)]
        query, view, cosine = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.lexsort((view, -cosine, query))
        query, view, cosine = query[order], view[order], cosine[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        return Near(query[rank < most] + first, view[rank < most], cosine[rank < most])

    def _in_list(
        self, queries_QD: Floats, place: int, asked: Ints, least: float
    ) -> tuple[Ints, Ints, Floats]:
        """Query, view and cosine of what is near in one list, in no order."""
        inside = slice(self.start[place], self.start[place + 1])
        views, vectors_DE = self.view_E[inside], self.vectors_ED[inside].T
        found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        for first in range(0, len(asked) if len(views) else 0, TILE):
            some = asked[first : first + TILE]
            cosine = (queries_QD[some] @ vectors_DE).reshape(-1)
            near = np.flatnonzero(cosine >= least)  # of one axis: much faster than of two
            row, column = np.divmod(near, len(views))
            found.append((some[row], views[column], cosine[near]))
        query, view, near_cosine = (np.concatenate(part) for part in zip(*found, strict=True))
        return query, view, near_cosine


def _centres(vectors_ED: Floats, lists: int) -> Floats:
    """[L, D]: spherical k-means of evenly spaced vectors; an empty list keeps its centre."""
    learnt = vectors_ED[:: max(len(vectors_ED) // (lists * LEARNT_FROM), 1)][: lists * LEARNT_FROM]
    centres = learnt[:: max(len(learnt) // lists, 1)][:lists].copy()
    for _ in range(ROUNDS if lists > 1 else 0):
        nearest = np.concatenate(
            [
                (learnt[first : first + BLOCK] @ centres.T).argmax(axis=1)
                for first in range(0, len(learnt), BLOCK)
            ]
        )
        order = np.argsort(nearest, kind="stable")
        there, starts = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(learnt[order], starts, axis=0)
        centres[there] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
    return centres
