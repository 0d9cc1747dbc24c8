"""What is known of the labels besides the images: embeddings, margins of a training, predictions by folds.

N: images of the audit, R: labelled training images among them, D: dimensions.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.confidence import SparseProbabilities
from platform.datasets.audit.labels.probability.planted import Planted
from platform.datasets.preparation.class_codes import UNKNOWN, codes, sorted_names

Floats = npt.NDArray[np.float64]

NEEDED: Final = ["path", "label", "split", "readable"]
"""Columns of ``images.parquet``."""


@dataclass(frozen=True)
class LabelledRows:
    """``rows_R``: of ``images.parquet``, ascending; ``labels_R``: places of their labels in ``classes``."""

    rows_R: Ints
    labels_R: Ints
    classes: tuple[str, ...]


@dataclass(frozen=True)
class FoldEvidence:
    """What networks say that did not learn the image, trained on labels some of which were planted.

    All arrays are of the R labelled rows. ``known_R``: which of them the folds held. ``margins_R``: of the
    label that was learnt, the planted one where one was planted.
    """

    probabilities: SparseProbabilities
    margins_R: Floats
    known_R: npt.NDArray[np.bool_]
    planted: Planted


@dataclass(frozen=True)
class LabelEvidence:
    """Everything that the label scores are computed from; row i of each array is row i of images.parquet.

    Attributes:
        embeddings_ND: Unit length, zeros where there is none; None: no label can be scored.
        embedding: What the embedding is, for the record: ``kind`` (sweep, timm, none) and its origin.
        saw_labels: Whether the embedding's network learnt these labels.
        suspicion_N: From the records of a sweep's training: the share of images with a higher margin, mean
            over networks and trials; NaN where unknown.
        folds: None: predictions are those of our own light model.
        missing: Why there is no embedding; "" where there is one.
    """

    embeddings_ND: npt.NDArray[np.float16] | None
    embedding: dict[str, Any] = field(default_factory=lambda: {"kind": "none"})
    saw_labels: bool = False
    suspicion_N: Floats | None = None
    folds: FoldEvidence | None = None
    missing: str = ""


def labelled_rows(images: pd.DataFrame) -> LabelledRows:
    """The readable training images with a label; ``images`` has the columns :data:`NEEDED`."""
    is_asked = (images["split"] == "train") & images["readable"] & images["label"].notna()
    rows_R = np.flatnonzero(is_asked.to_numpy(dtype=np.bool_))
    labels = images["label"].iloc[rows_R]
    classes = sorted_names(labels.unique())
    labels_R = codes(labels, classes)
    assert (labels_R != UNKNOWN).all()
    return LabelledRows(rows_R, labels_R, classes)


def mean_ranks(values: list[Floats]) -> Floats:
    """[N] the share of images with a higher value, mean over the arrays; NaN where none has a value.

    Values of different networks and methods cannot be compared, their order can.
    """
    ranks = [1 - pd.Series(own_N).rank(method="average", pct=True).to_numpy() for own_N in values]
    stacked = np.stack(ranks)
    known = ~np.isnan(stacked)
    sums_N = np.where(known, stacked, 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums_N / known.sum(axis=0), dtype=np.float64)
