"""How much images look like examples: the cosine to the nearest example.

That of the image's own class is not set against it: a class full of what is searched for looks like the
examples, and an image that is unlike its class would come first, whatever it shows.

N: images, S: examples, D: dimensions of their descriptions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.images.image_stores import DenseImages
from platform.datasets.preparation.picture_features import picture_features
from platform.datasets.searching.seeds import SIDE, Seeds, picture_of

Vectors = npt.NDArray[np.float32]
BLOCK: Final = 8192
"""Images compared at a time."""
FEATURES: Final = 176
"""Numbers that :func:`picture_features` describes a picture with."""
LEAST, STRICTEST = 0.5, 0.8
"""Limits of the threshold that the examples give."""
EMBEDDINGS = "the audit's embeddings"
PICTURES = "colours and edges"


@dataclass(frozen=True)
class Likeness:
    """``scores_N``: the cosine to the nearest example, in [-1, 1].

    ``nearest_N``: the example; ``known_N``: whether the image could be compared; ``threshold``: the least
    cosine of an example to the example nearest to it, but from LEAST to STRICTEST (LEAST for one example);
    ``by``: in words.
    """

    scores_N: Vectors
    nearest_N: npt.NDArray[np.int64]
    known_N: npt.NDArray[np.bool_]
    threshold: float
    by: str


def likeness(folder: AuditFolder, seeds: Seeds) -> Likeness:
    """Compare all images by cosine: by embeddings if the audit has them and all examples are in it."""
    if folder.embeddings_file.exists() and not seeds.others:
        vectors_ND: Vectors = np.load(folder.embeddings_file, mmap_mode="r")
        return _compared(vectors_ND, np.asarray(vectors_ND[seeds.rows]), EMBEDDINGS)
    vectors_ND = _descriptions(folder)
    others_SD = _described(list(seeds.others))
    known = np.abs(vectors_ND).sum(axis=1) > 0
    mean, spread = vectors_ND[known].mean(axis=0), vectors_ND[known].std(axis=0)
    spread[spread == 0] = 1
    vectors_ND[known] = (vectors_ND[known] - mean) / spread
    examples_SD = np.concatenate([vectors_ND[seeds.rows], (others_SD - mean) / spread])
    return _compared(vectors_ND, examples_SD, PICTURES)


def _compared(vectors_ND: Vectors, examples_SD: Vectors, by: str) -> Likeness:
    examples_SD = _unit(examples_SD)
    scores_N = np.empty(len(vectors_ND), dtype=np.float32)
    nearest_N = np.empty(len(vectors_ND), dtype=np.int64)
    known_N = np.empty(len(vectors_ND), dtype=np.bool_)
    for rows in _blocks(len(vectors_ND)):
        own_BD = _unit(vectors_ND[rows])
        similar_BS = own_BD @ examples_SD.T
        nearest_N[rows] = similar_BS.argmax(axis=1)
        scores_N[rows] = similar_BS.max(axis=1)
        known_N[rows] = np.abs(own_BD).sum(axis=1) > 0
    return Likeness(scores_N, nearest_N, known_N, _threshold(examples_SD), by)


def _threshold(examples_SD: Vectors) -> float:
    """How alike the examples are among each other; of many, the first 2,000 say it."""
    some = examples_SD[:2000]
    if len(some) < 2:
        return LEAST
    similar_SS = some @ some.T
    np.fill_diagonal(similar_SS, -1)
    return float(np.clip(similar_SS.max(axis=1).min(), LEAST, STRICTEST))


def _unit(vectors: npt.ArrayLike) -> Vectors:
    floats = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(floats, axis=-1, keepdims=True)
    return np.asarray(floats / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, count, BLOCK))


def _descriptions(folder: AuditFolder) -> Vectors:
    """[N, FEATURES]: picture features of the thumbnails; zeros where there is none."""
    parts = []
    for batch in pq.ParquetFile(folder.thumbnails_file).iter_batches(batch_size=BLOCK, columns=["picture"]):
        contents = batch.column(0).to_pylist()
        there = [place for place, content in enumerate(contents) if content]
        found = np.zeros((len(contents), FEATURES), dtype=np.float32)
        if there:
            found[there] = _described([picture_of(contents[place]) for place in there])
        parts.append(found)
    return np.concatenate(parts)


def _described(pictures: list[Image.Image]) -> Vectors:
    if not pictures:
        return np.empty((0, FEATURES), dtype=np.float32)
    small = [np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for picture in pictures]
    return picture_features(DenseImages(np.stack(small)), np.arange(len(small))).astype(np.float32)
