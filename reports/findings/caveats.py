"""Caveats: what keeps the numbers of a report from meaning anything, in sentences that come before them.

Chance is what a prediction reaches that does not look at the images: for ``val/accuracy`` always the largest
training class, for ``val/macro_accuracy`` any guess, which is right in one of C classes.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.stats import binom

from platform.datasets.errors import listed

ACCURACY: Final = "val/accuracy"
MACRO: Final = "val/macro_accuracy"
DECIDED_BY_LARGE_CLASSES: Final = (ACCURACY, "val/loss", "val/ece")

LONG_TAIL: Final = 10
"""From this ratio of the largest to the smallest training class on, the sizes of classes are a long tail."""
_UNEVEN = 2  # validation with a smaller ratio counts its classes alike, whatever training has
_LEVEL = 0.05  # the probability that the best of all trials seems better than chance and is not


@dataclass(frozen=True)
class Caveat:
    """``is_chance``: the finalists know nothing, so no use of their predictions is justified."""

    words: str
    is_chance: bool = False

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Classes:
    """The sizes of classes by the labels of training, and by those of validation that select.

    ``samples``: the number of validation images of which each metric is a share
    (:func:`reports.ranking.standard_error.samples_of`).
    """

    trained: Mapping[str, int]
    validated: Mapping[str, int]
    samples: Mapping[str, float]

    @property
    def largest(self) -> str:
        """The largest training class; the first by name among equals."""
        return min(self.trained, key=lambda name: (-self.trained[name], name))

    def chance(self, metric: str) -> float:
        """The value of ``metric`` without looking at the images."""
        if metric == MACRO:
            return 1 / len(self.validated)
        return self.validated.get(self.largest, 0) / sum(self.validated.values())

    def luck(self, metric: str, trials: int) -> float:
        """The value that the best of ``trials`` exceeds by luck alone in at most 5 % of sweeps.

        It is a quantile of the binomial distribution, with 5 % divided among the trials (Bonferroni).
        """
        images = max(round(self.samples[metric]), 1)
        right = binom.isf(_LEVEL / max(trials, 1), images, self.chance(metric))
        return float(right) / images


def find_caveats(
    classes: Classes,
    finalists: Sequence[Mapping[str, float]],
    goals: Collection[str],
    *,
    trials: int,
    unpredicted: Sequence[str] = (),
    best: str = "",
) -> list[Caveat]:
    """The caveats of a sweep on classes, the worst first.

    Args:
        finalists: validation metrics of the best trials and of the ensemble that won, if one did.
        goals: the metrics by which trials were selected.
        trials: the number of ranked trials, of which the finalists are the best.
        unpredicted: the classes of validation that the ``best`` trial predicts for no image.
    """
    found = [*_about_chance(classes, finalists, trials), *_about_majority(classes, finalists, trials)]
    if unpredicted:
        found.append(
            Caveat(
                f"Trial {best} never predicts {len(unpredicted)} of the {len(classes.validated)} classes of "
                f"validation: {listed(unpredicted, 10)}."
            )
        )
    return [*found, *_about_tail(classes, goals)]


def _about_chance(classes: Classes, finalists: Sequence[Mapping[str, float]], trials: int) -> list[Caveat]:
    values = _within_luck(classes, finalists, MACRO, trials)
    if not values:
        return []
    return [
        Caveat(
            f"Nothing was learnt that shows on validation: the best {MACRO} of {_of(values)} is "
            f"{max(values):.4f}. Guessing among {len(classes.validated)} classes has "
            f"{classes.chance(MACRO):.4f}, and {_by_luck(classes, MACRO, trials)}. Ranking, ensembles, "
            "parameters that mattered and suspect labels tell nothing about your data.",
            is_chance=True,
        )
    ]


def _about_majority(classes: Classes, finalists: Sequence[Mapping[str, float]], trials: int) -> list[Caveat]:
    values = _within_luck(classes, finalists, ACCURACY, trials)
    if not values:
        return []
    return [
        Caveat(
            f"Answering “{classes.largest}”, the largest training class, for every image is as good as the "
            f"finalists: it has a {ACCURACY} of {classes.chance(ACCURACY):.4f}, the best of {_of(values)} "
            f"{max(values):.4f}, and {_by_luck(classes, ACCURACY, trials)}."
        )
    ]


def _about_tail(classes: Classes, goals: Collection[str]) -> list[Caveat]:
    """On a long tail, a metric that the large classes decide, if it alone selected."""
    if MACRO in goals or not any(goal in DECIDED_BY_LARGE_CLASSES for goal in goals):
        return []
    sizes = classes.trained.values()
    validated = [classes.validated.get(name, 0) for name in classes.trained]
    if not sizes or max(sizes) < LONG_TAIL * min(sizes) or max(validated) <= _UNEVEN * min(validated):
        return []
    goal = next(goal for goal in goals if goal in DECIDED_BY_LARGE_CLASSES)
    return [
        Caveat(
            f"The largest training class has {max(sizes):,} images and the smallest {min(sizes):,}. The "
            f"large classes decide {goal}, by which trials were selected; search.metric={MACRO} counts every "
            "class alike."
        )
    ]


def _within_luck(
    classes: Classes, finalists: Sequence[Mapping[str, float]], metric: str, trials: int
) -> list[float]:
    """The finalists' values, if luck may reach the best; none where that is unknown."""
    if metric not in classes.samples or len(classes.validated) < 2:
        return []
    values = [one[metric] for one in finalists if math.isfinite(one.get(metric, math.nan))]
    return values if max(values, default=math.inf) <= classes.luck(metric, trials) else []


def _of(values: Sequence[float]) -> str:
    return "the one finalist" if len(values) == 1 else f"{len(values)} finalists"


def _by_luck(classes: Classes, metric: str, trials: int) -> str:
    images = sum(classes.validated.values())
    of = "one trial" if trials == 1 else f"the best of {trials:,} trials"
    return f"on {images:,} validation images {of} may reach {classes.luck(metric, trials):.4f} by luck"
