"""How much better test images with a copy in the training set are classified than the others."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Share:
    """Right answers among ``images``; ``low`` and ``high``: Wilson's 95 % interval (1927); 0 … 1 of none."""

    images: int
    right: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.right / self.images if self.images else float("nan")

    @staticmethod
    def of(is_right: npt.NDArray[np.bool_]) -> "Share":
        count, right = len(is_right), int(np.sum(is_right))
        if not count:
            return Share(0, 0, 0.0, 1.0)
        share = right / count
        middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
        half = Z / (1 + Z**2 / count) * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
        return Share(count, right, float(max(middle - half, 0.0)), float(min(middle + half, 1.0)))


@dataclass(frozen=True)
class LeakAccuracy:
    """Accuracy on test images with a copy in train or val, and on the others.

    Attributes:
        low, high: Newcombe's 95 % interval (Statistics in Medicine 17, 1998, method 10) of the difference
            ``leaked - others``.
    """

    leaked: Share
    others: Share
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.leaked.value - self.others.value

    def in_words(self) -> str:
        """One line for a page or a terminal."""
        if not self.leaked.images or not self.others.images:
            which = "no test image" if not self.leaked.images else "every test image"
            return f"{which} with a prediction has a copy in train or val: nothing to compare"
        return (
            f"accuracy on {self.leaked.images:,} leaked test images {self.leaked.value:.1%}, on the "
            f"{self.others.images:,} others {self.others.value:.1%}: {self.difference:+.1%} "
            f"(95 % interval {self.low:+.1%} to {self.high:+.1%})"
        )


def leak_accuracy(issues: pd.DataFrame, images: pd.DataFrame, predictions: pd.DataFrame) -> LeakAccuracy:
    """Compare leaked test images with others.

    Args:
        issues: Findings of an audit.
        images: ``images.parquet``: ``path`` and ``split``.
        predictions: ``path`` and ``correct`` (bool) of test images; other paths are left out.
    """
    tests = set(images["path"][images["split"] == "test"])
    asked = predictions[predictions["path"].isin(tests)]
    leaked_paths = set(issues["path"][issues["kind"] == "leak"])
    is_leaked = asked["path"].isin(leaked_paths).to_numpy()
    is_right = asked["correct"].to_numpy(np.bool_)
    leaked, others = Share.of(is_right[is_leaked]), Share.of(is_right[~is_leaked])
    if not leaked.images or not others.images:
        return LeakAccuracy(leaked, others, -1.0, 1.0)
    difference = leaked.value - others.value
    below = np.hypot(leaked.value - leaked.low, others.high - others.value)
    above = np.hypot(leaked.high - leaked.value, others.value - others.low)
    return LeakAccuracy(leaked, others, float(difference - below), float(difference + above))
