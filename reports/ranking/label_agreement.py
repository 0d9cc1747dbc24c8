"""Rank correlation of trials between noisy and clean validation labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import kendalltau

from reports.ranking.rank import RankedTrial
from reports.ranking.trials_table import at_epoch

LEAST_TRIALS = 3


@dataclass(frozen=True)
class Agreement:
    """``tau``: Kendall's tau of the two rankings of ``trials`` trials.

    ``place``: the rank by clean labels of the trial that is best by the noisy ones; ``lost``: how far its
    clean accuracy is below the best one.
    """

    tau: float
    trials: int
    place: int
    lost: float

    def __str__(self) -> str:
        text = (
            f"Ranked by accuracy on noisy and on clean validation labels, {self.trials} trials agree to a "
            f"Kendall's tau of {self.tau:.2f}".replace("-", "−")
            + " (1: the same order, 0: no relation); "
        )
        if self.lost == 0:
            return text + "the best by the noisy labels is the best by the clean ones."
        return (
            text
            + f"the best by the noisy labels is number {self.place} by the clean ones, {self.lost:.4f} below "
            "their best."
        )


def agreement(ranking: Sequence[RankedTrial]) -> Agreement | None:
    """Kendall's tau-b of the accuracies in each trial's best epoch, in which ties count for neither order.

    None if clean labels are not known, equal the given ones, or rank fewer than three trials. (Kendall, The
    Treatment of Ties in Ranking Problems, Biometrika 33, 1945)
    """
    measured = {name for one in ranking for name in one.trial.history}
    if "val/clean_accuracy" in measured:
        noisy, clean = "val/accuracy", "val/clean_accuracy"
    elif "val/given_accuracy" in measured:
        noisy, clean = "val/given_accuracy", "val/accuracy"
    else:
        return None
    pairs = [
        pair
        for one in ranking
        if all(
            map(
                math.isfinite,
                pair := tuple(at_epoch(one.trial, name, one.best_epoch) for name in (noisy, clean)),
            )
        )
    ]
    if len(pairs) < LEAST_TRIALS or all(ours == theirs for ours, theirs in pairs):
        return None
    tau = float(kendalltau(*zip(*pairs, strict=True)).statistic)
    if math.isnan(tau):  # one of the two ranks all trials the same
        return None
    chosen = max(pairs, key=lambda pair: pair[0])[1]
    better = sum(clean > chosen for _, clean in pairs)
    return Agreement(tau, len(pairs), better + 1, max(clean for _, clean in pairs) - chosen)
