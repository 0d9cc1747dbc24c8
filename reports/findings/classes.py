"""The best trial class by class: accuracies, confused pairs and reliability.

Shapes: N validation images, C classes.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from platform.datasets.preparation.data import Data
from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.whole_files import write_whole
from platform.training.evaluation.classification import CALIBRATION_BINS, Labels, Probabilities
from reports.findings.thumbnails import thumbnail

FILE: Final = "classes.csv"

PAIRS: Final = 12
"""How many of the most confused pairs the page shows."""

EXAMPLES: Final = 4
"""How many pictures it shows of each pair."""


@dataclass(frozen=True)
class ClassAccuracy:
    """``accuracy`` on ``images`` validation images, None if there is none.

    ``trained``: training images with this given label.

    ``predicted``: validation images of any class that are predicted as this one.
    """

    name: str
    trained: int
    images: int
    accuracy: float | None
    predicted: int


@dataclass(frozen=True)
class Confusion:
    """Two confused classes: ``as_other`` images of ``one`` predicted as ``other``, ``as_one`` the reverse.

    ``of``: images of both classes; ``pictures``: data: URIs of examples, each with its description.
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
    """Images whose highest probability lies in one interval: mean confidence and accuracy."""

    confidence: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class ClassFindings:
    """Findings for ``trial`` on validation, judged by ``labels``: the clean ones if they are known."""

    trial: str
    labels: Literal["clean", "given"]
    classes: list[ClassAccuracy]
    confusions: list[Confusion]
    bins: list[Bin]

    @property
    def unpredicted(self) -> list[str]:
        """Classes of validation images that the trial predicts for no image."""
        return [one.name for one in self.classes if one.images and not one.predicted]

    def write(self, folder: Path) -> None:
        """Write every class to classes.csv."""
        write_whole(folder / FILE, csv_text(pd.DataFrame([vars(one) for one in self.classes])))


def class_findings(trial: str, probabilities_NC: Probabilities, data: Data) -> ClassFindings:
    """Compare predictions on validation with the labels, class by class."""
    is_clean = data.clean_known("val")
    labels_N = data.clean("val") if is_clean else data.given("val")
    predicted_N = probabilities_NC.argmax(axis=1)
    trained_C = data.class_counts().numpy()
    right_C = np.bincount(labels_N[predicted_N == labels_N], minlength=len(data.classes))
    images_C = np.bincount(labels_N, minlength=len(data.classes))
    predicted_C = np.bincount(predicted_N, minlength=len(data.classes))
    return ClassFindings(
        trial,
        "clean" if is_clean else "given",
        [
            ClassAccuracy(
                name, int(trained), int(images), float(right / images) if images else None, int(predicted)
            )
            for name, trained, images, right, predicted in zip(
                data.classes, trained_C, images_C, right_C, predicted_C, strict=True
            )
        ],
        _confusions(labels_N, predicted_N, images_C, data),
        reliability(probabilities_NC, labels_N),
    )


def reliability(probabilities_NC: Probabilities, labels_N: Labels) -> list[Bin]:
    """The non-empty bins of :func:`.classification.expected_calibration_error`."""
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
            found.append((picture, f"{label}, predicted as {predicted}"))
    return found
