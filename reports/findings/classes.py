"""The best trial class by class: how accurate, which classes it takes for each other, and how sure it is.

Shapes: N validation images, C classes.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from platform.datasets.preparation.data import Data
from platform.training.evaluation.classification import CALIBRATION_BINS, Labels, Probabilities
from platform.storage.whole_files import write_whole
from reports.findings.thumbnails import thumbnail

FILE: Final = "classes.csv"

PAIRS: Final = 12
"""Pairs of classes that the page shows, the most confused ones."""

EXAMPLES: Final = 4
"""Pictures of each pair."""


@dataclass(frozen=True)
class ClassAccuracy:
    """``accuracy``: of its ``images`` of validation; ``trained``: training images given its label."""

    name: str
    trained: int
    images: int
    accuracy: float


@dataclass(frozen=True)
class Confusion:
    """Two classes taken for each other: ``as_other`` images of ``one`` for ``other``, ``as_one`` back.

    ``of``: images that both have; ``pictures``: data: URIs of some that were mistaken, with what to say of
    each.
    """

    one: str
    other: str
    as_other: int
    as_one: int
    of: int
    pictures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mistaken(self) -> int:
        return self.as_other + self.as_one


@dataclass(frozen=True)
class Bin:
    """Images whose highest probability lies in one interval: its mean, and the share that is right."""

    confidence: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class ClassFindings:
    """Of ``trial``, on validation; ``labels``: which ones decide what is right, the clean ones if known."""

    trial: str
    labels: Literal["clean", "given"]
    classes: list[ClassAccuracy]
    confusions: list[Confusion]
    bins: list[Bin]

    def write(self, folder: Path) -> None:
        """Every class as CSV."""
        write_whole(folder / FILE, pd.DataFrame([vars(one) for one in self.classes]).to_csv(index=False))


def class_findings(trial: str, probabilities_NC: Probabilities, data: Data) -> ClassFindings:
    """Of what a trial says of validation; classes without an image there are not among them."""
    is_clean = data.clean_known("val")
    labels_N = data.clean("val") if is_clean else data.given("val")
    predicted_N = probabilities_NC.argmax(axis=1)
    trained_C = data.class_counts().numpy()
    right_C = np.bincount(labels_N[predicted_N == labels_N], minlength=len(data.classes))
    images_C = np.bincount(labels_N, minlength=len(data.classes))
    return ClassFindings(
        trial,
        "clean" if is_clean else "given",
        [
            ClassAccuracy(name, int(trained), int(images), float(right / images))
            for name, trained, images, right in zip(data.classes, trained_C, images_C, right_C, strict=True)
            if images
        ],
        _confusions(labels_N, predicted_N, images_C, data),
        reliability(probabilities_NC, labels_N),
    )


def reliability(probabilities_NC: Probabilities, labels_N: Labels) -> list[Bin]:
    """The bins of :func:`platform.training.evaluation.classification.expected_calibration_error` that have images."""
    confidence_N = probabilities_NC.max(axis=1)
    is_right_N = probabilities_NC.argmax(axis=1) == labels_N
    bin_N = np.clip((confidence_N * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
    masks = [bin_N == place for place in range(CALIBRATION_BINS)]
    return [
        Bin(float(confidence_N[is_in].mean()), float(is_right_N[is_in].mean()), int(is_in.sum()))
        for is_in in masks
        if is_in.any()
    ]


def _confusions(labels_N: Labels, predicted_N: Labels, images_C: Labels, data: Data) -> list[Confusion]:
    wrong = np.flatnonzero(labels_N != predicted_N)
    directed = Counter(zip(labels_N[wrong].tolist(), predicted_N[wrong].tolist(), strict=True))
    pairs = Counter[tuple[int, int]]()
    for (label, predicted), count in directed.items():
        pairs[min(label, predicted), max(label, predicted)] += count
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:PAIRS]
    return [
        Confusion(
            data.classes[one],
            data.classes[other],
            directed[one, other],
            directed[other, one],
            int(images_C[one] + images_C[other]),
            _examples(labels_N, predicted_N, {one, other}, data),
        )
        for (one, other), _ in ordered
    ]


def _examples(labels_N: Labels, predicted_N: Labels, pair: set[int], data: Data) -> list[tuple[str, str]]:
    rows = data.rows("val")
    mistaken = [
        place
        for place in np.flatnonzero(labels_N != predicted_N).tolist()
        if {int(labels_N[place]), int(predicted_N[place])} == pair
    ]
    found = []
    for place in mistaken[:EXAMPLES]:
        picture = thumbnail(data.images, int(rows[place]))
        if picture is not None:
            label, predicted = data.classes[labels_N[place]], data.classes[predicted_N[place]]
            found.append((picture, f"{label}, taken for {predicted}"))
    return found
