"""Inverted lists searched by faiss (the extra ``audit``); needs faiss-cpu, which nothing else of it does."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

BLOCK: Final = 16_384
"""Images asked at a time."""


class FaissLists:
    """Unit vectors [N, D] in the lists of given centres [L, D], so that each run has the same lists."""

    def __init__(self, embeddings_ND: Floats, centres_LD: npt.NDArray[np.float32]) -> None:
        import faiss

        lists, dimensions = centres_LD.shape
        self._centres = faiss.IndexFlatIP(dimensions)
        self._centres.add(np.ascontiguousarray(centres_LD, dtype=np.float32))
        self._index = faiss.IndexIVFFlat(self._centres, dimensions, lists, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True
        self._embeddings_ND = embeddings_ND
        for start in range(0, len(embeddings_ND), BLOCK):
            self._index.add(self._block(start))

    def search(self, count: int, probes: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Places and cosines [N, K] of the nearest others in the ``probes`` nearest lists; -1: too few."""
        self._index.nprobe = probes
        images = len(self._embeddings_ND)
        places_NK = np.empty((images, count), dtype=np.int32)
        cosines_NK = np.empty((images, count), dtype=np.float32)
        for start in range(0, images, BLOCK):
            asked = self._block(start)
            cosines, places = self._index.search(asked, count + 1)
            is_other = places != np.arange(start, start + len(asked))[:, None]
            is_other[is_other.all(axis=1), -1] = False  # it did not find itself: the last is one too many
            rows = slice(start, start + len(asked))
            places_NK[rows] = places[is_other].reshape(-1, count)
            cosines_NK[rows] = cosines[is_other].reshape(-1, count)
        cosines_NK[places_NK < 0] = -np.inf
        return places_NK, cosines_NK

    def _block(self, start: int) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self._embeddings_ND[start : start + BLOCK], dtype=np.float32)
