"""What a list of suspect labels is worth: its precision, known or estimated, and whether chance does as well.

Shapes: F finalists, N images, C classes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import hypergeom

from platform.training.evaluation.classification import Labels, Probabilities

LEVEL: Final = 0.05
"""The probability that a list of labels drawn at random counts as better than that."""
_Z = 1.645  # the quantile of the normal distribution at 1 - LEVEL


@dataclass(frozen=True)
class Caught:
    """The list compared with true labels: ``right`` of ``listed`` labels are wrong.

    ``wrong``: wrong labels among all ``images`` with a label; ``corrected``: listed images whose preferred
    label is the true one.
    """

    listed: int
    right: int
    wrong: int
    corrected: int
    images: int

    @property
    def precision(self) -> float:
        return self.right / self.listed

    @property
    def recall(self) -> float:
        return self.right / self.wrong

    @property
    def is_chance(self) -> bool:
        """Whether more than 5 % of lists drawn at random would hold as many wrong labels."""
        return bool(hypergeom.sf(self.right - 1, self.images, self.wrong, self.listed) > LEVEL)


def caught(listed: pd.DataFrame, images: pd.DataFrame) -> Caught | None:
    """Compare with the true labels; None where they are unknown, none is wrong, or nothing is listed.

    Both tables have the columns ``label`` and ``clean``, ``listed`` has ``preferred``.
    """
    wrong = int((images["label"] != images["clean"]).sum()) if images["clean"].notna().all() else 0
    if not wrong or listed.empty:
        return None
    right = int((listed["label"] != listed["clean"]).sum())
    corrected = int((listed["preferred"] == listed["clean"]).sum())
    return Caught(len(listed), right, wrong, corrected, len(images))


def is_as_long_as_by_chance(agreed: Sequence[str | None], given: Sequence[str]) -> bool:
    """Whether the list would be as short if the given labels were shuffled among the images.

    ``agreed``: what more than half of the finalists predict for an image, its given label included; None
    where they do not agree. An image is listed if that is not its given label. The length under shuffling has
    the mean Σ (1 - π(agreed)), π being the labels' frequencies; its variance is about that of independent
    images.
    """
    shares = {label: count / len(given) for label, count in Counter(given).items()}
    chances = np.array([1 - shares.get(label, 0.0) for label in agreed if label is not None])
    length = sum(label is not None and label != own for label, own in zip(agreed, given, strict=True))
    return bool(length > 0 and length >= chances.sum() - _Z * np.sqrt((chances * (1 - chances)).sum()))


def estimated_precision(probabilities_FNC: Sequence[Probabilities], given_N: Labels) -> float | None:
    """The share of wrong labels among those that the finalists reject, estimated on held-out images.

    Confident learning (Northcutt et al., Confident Learning, JAIR 2021): an image is taken for class k if
    its p_k is at least the mean p_k of the images labelled k, the most probable such class counting; a label
    is taken for wrong if that class is another one. Held-out are images that no finalist learnt from. None if
    the finalists reject no label.
    """
    predictions_FN = np.stack([one_NC.argmax(axis=1) for one_NC in probabilities_FNC])
    rejects_N = _rejects(predictions_FN, given_N)
    if not rejects_N.any():
        return None
    mean_NC = np.mean(probabilities_FNC, axis=0)
    thresholds_C = np.array(
        [mean_NC[given_N == k, k].mean() if (given_N == k).any() else np.inf for k in range(mean_NC.shape[1])]
    )
    confident_NC = np.where(mean_NC >= thresholds_C, mean_NC, -np.inf)
    is_wrong_N = np.isfinite(confident_NC.max(axis=1)) & (confident_NC.argmax(axis=1) != given_N)
    return float(is_wrong_N[rejects_N].mean())


def _rejects(predictions_FN: npt.NDArray[np.int64], given_N: Labels) -> npt.NDArray[np.bool_]:
    """Images for which more than half of the finalists predict one other class."""
    counts_NC = np.apply_along_axis(np.bincount, 0, predictions_FN, minlength=int(predictions_FN.max()) + 1).T
    has_majority_N = counts_NC.max(axis=1) * 2 > len(predictions_FN)
    rejects: npt.NDArray[np.bool_] = has_majority_N & (counts_NC.argmax(axis=1) != given_N)
    return rejects
