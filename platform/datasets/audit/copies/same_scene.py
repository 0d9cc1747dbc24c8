"""Images that a network finds almost the same, but whose pixels are no proof: one scene, perhaps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.nearest import Index
from platform.datasets.audit.copies.comparing.small_pictures import Floats
from platform.datasets.audit.findings import Finding

NEAREST = 4  # images of each that are looked at
LEAST = 0.9  # cosine
FALSE_RATE = 0.001  # of images whose nearest image of another class would be called the same scene
MOST_SURE = 0.5  # score of a finding: it says less than pixels do


@dataclass(frozen=True)
class Scenes:
    """Pairs of images (rows of images.parquet) by their embeddings, and the cosine from which on."""

    one: Ints
    other: Ints
    cosine: Floats
    threshold: float
    recall: float


def same_scenes(
    embeddings_ND: npt.NDArray[np.float16], rows: Ints, labels: npt.NDArray[np.object_]
) -> Scenes:
    """The nearest images of each of ``rows``; 999 of 1,000 have none of another class above the threshold.

    An image without an embedding (zeros) has no neighbours.
    """
    vectors = np.asarray(embeddings_ND[rows], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    there = np.flatnonzero(lengths[:, 0] > 0)
    if len(there) < 2:
        none = np.empty(0, dtype=np.int64)
        return Scenes(none, none, np.empty(0, dtype=np.float32), 1.0, 1.0)
    vectors = vectors[there] / lengths[there]
    index = Index(vectors)
    recall = index.set_recall(vectors, LEAST, NEAREST + 1)
    near = index.near(vectors, LEAST, NEAREST + 1)
    one, other = rows[there[near.query]], rows[there[near.view]]
    nearest_other = np.full(len(there), -1.0, dtype=np.float32)
    differs = np.array([a != b for a, b in zip(labels[one], labels[other], strict=True)], dtype=np.bool_)
    np.maximum.at(nearest_other, near.query[differs], near.cosine[differs])
    threshold = max(float(np.quantile(nearest_other, 1 - FALSE_RATE)), LEAST)
    keeps = (one < other) & (near.cosine > threshold)
    return Scenes(one[keeps], other[keeps], near.cosine[keeps], threshold, recall)


def scene_findings(scenes: Scenes, images: pd.DataFrame, centre_N: Ints) -> Iterator[Finding]:
    """One finding an image whose nearest image is no proven copy of it, but perhaps the same scene."""
    paths = images["path"].to_numpy(object)
    is_open = centre_N[scenes.one] != centre_N[scenes.other]
    one, other, cosine = scenes.one[is_open], scenes.other[is_open], scenes.cosine[is_open]
    said: set[int] = set()
    for place in np.lexsort((other, one, -cosine)):
        later = int(other[place])
        if later in said:
            continue
        said.add(later)
        why = (
            f"same scene as {paths[one[place]]}, perhaps: embeddings' cosine {cosine[place]:.3f}, from "
            f"{scenes.threshold:.3f}; the pixels are no proof"
        )
        yield Finding(paths[later], "near_duplicate", MOST_SURE * float(cosine[place]), why)
