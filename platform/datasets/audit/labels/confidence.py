"""What out-of-fold probabilities say of the labels: self-confidence, margin, confident learning.

Shapes: N images, C classes, K kept classes of each image.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.float64]

KEPT: Final = 32
"""Classes whose probabilities are kept for an image; those of the others are taken to be equal."""


@dataclass(frozen=True)
class SparseProbabilities:
    """Of each image the most probable classes, in descending order: ``classes_NK``, ``values_NK``.

    ``classes``: C. With C up to 32 nothing is lost; else what is left to 1 is spread evenly over the rest.
    """

    classes_NK: npt.NDArray[np.int32]
    values_NK: npt.NDArray[np.float32]
    classes: int

    @classmethod
    def of(cls, probabilities_NC: npt.NDArray[np.floating], kept: int = KEPT) -> "SparseProbabilities":
        """The ``kept`` largest of each row."""
        classes = probabilities_NC.shape[1]
        order_NK = np.argsort(-probabilities_NC, axis=1, kind="stable")[:, : min(kept, classes)]
        values_NK = np.take_along_axis(probabilities_NC, order_NK, axis=1)
        return cls(order_NK.astype(np.int32), values_NK.astype(np.float32), classes)

    def of_labels(self, labels_N: Ints) -> Floats:
        """[N] the probability of a label for each image."""
        is_it_NK = self.classes_NK == labels_N[:, None]
        of_kept_N = (self.values_NK * is_it_NK).sum(axis=1, dtype=np.float64)
        return np.asarray(np.where(is_it_NK.any(axis=1), of_kept_N, self.of_each_other()))

    def of_each_other(self) -> Floats:
        """[N] the probability of each class that is not kept."""
        left_N = np.clip(1 - self.values_NK.sum(axis=1, dtype=np.float64), 0, None)
        return np.asarray(left_N / max(self.classes - self.classes_NK.shape[1], 1))

    def best_other(self, labels_N: Ints) -> tuple[Ints, Floats]:
        """[N] the most probable class besides the label, and its probability."""
        is_other_NK = self.classes_NK != labels_N[:, None]
        place_N = is_other_NK.argmax(axis=1)
        rows_N = np.arange(len(labels_N))
        found_N = self.classes_NK[rows_N, place_N].astype(np.int64)
        return found_N, self.values_NK[rows_N, place_N].astype(np.float64)

    def others(self, labels_N: Ints) -> npt.NDArray[np.int32]:
        """[N, K - 1] the kept classes besides the label, the most probable first."""
        is_label_NK = self.classes_NK == labels_N[:, None]
        is_label_NK[~is_label_NK.any(axis=1), -1] = True  # the least probable one goes in its place
        others: npt.NDArray[np.int32] = self.classes_NK[~is_label_NK].reshape(len(labels_N), -1)
        return others

    def rows(self, rows: Ints) -> "SparseProbabilities":
        return SparseProbabilities(self.classes_NK[rows], self.values_NK[rows], self.classes)


def self_confidence(probabilities: SparseProbabilities, labels_N: Ints) -> Floats:
    """[N] p(label); low is suspect."""
    return probabilities.of_labels(labels_N)


def normalised_margin(probabilities: SparseProbabilities, labels_N: Ints) -> Floats:
    """[N] (p(label) - the highest other p + 1) / 2, as cleanlab scales it; low is suspect."""
    return (probabilities.of_labels(labels_N) - probabilities.best_other(labels_N)[1] + 1) / 2


def class_thresholds(probabilities: SparseProbabilities, labels_N: Ints) -> Floats:
    """[C] the mean p(c) of the images that are labelled c; infinite for a class without any."""
    counts_C = np.bincount(labels_N, minlength=probabilities.classes)
    sums_C = np.bincount(labels_N, probabilities.of_labels(labels_N), minlength=probabilities.classes)
    return np.where(counts_C > 0, sums_C / np.maximum(counts_C, 1), np.inf)


def confident_classes(probabilities: SparseProbabilities, labels_N: Ints) -> Ints:
    """[N] the class whose p reaches its threshold; -1 where none does.

    Northcutt, Jiang & Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021. Where
    several do, it is the most probable class of all, as in cleanlab, which the paper restricts to those that
    do. A class that is not among the kept ones counts as below its threshold.
    """
    thresholds_C = class_thresholds(probabilities, labels_N)
    is_above_NK = probabilities.values_NK >= thresholds_C[probabilities.classes_NK] - 1e-6
    first_N = np.where(is_above_NK.sum(axis=1) > 1, 0, is_above_NK.argmax(axis=1))
    found_N = probabilities.classes_NK[np.arange(len(labels_N)), first_N].astype(np.int64)
    return np.where(is_above_NK.any(axis=1), found_N, -1)


def confident_joint(probabilities: SparseProbabilities, labels_N: Ints) -> npt.NDArray[np.int64]:
    """[C, C] numbers of images by label (row) and confident class (column); 5,000 classes take 200 MB."""
    confident_N = confident_classes(probabilities, labels_N)
    is_any_N = confident_N >= 0
    cells = labels_N[is_any_N] * probabilities.classes + confident_N[is_any_N]
    counts = np.bincount(cells, minlength=probabilities.classes**2)
    return counts.reshape(probabilities.classes, -1).astype(np.int64)


def is_confidently_wrong(probabilities: SparseProbabilities, labels_N: Ints) -> npt.NDArray[np.bool_]:
    """[N] whether confident learning takes the image for another class than its label and predicts so too."""
    confident_N = confident_classes(probabilities, labels_N)
    is_wrong: npt.NDArray[np.bool_] = (confident_N >= 0) & (confident_N != labels_N)
    is_wrong &= probabilities.classes_NK[:, 0] != labels_N
    return is_wrong
