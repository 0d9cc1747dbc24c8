"""What to expect of a review: precision and recall at each budget, wrong labels by class, with intervals.

Shapes: N images, M of them, P planted errors, B budgets, T repetitions, C classes.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.probability.calibration import (
    LEAST_SUREST,
    MOST_WRONG,
    Doubt,
    noise_rate,
    share_of_surest,
)

Floats = npt.NDArray[np.float64]

REPEATS: Final = 60
AT_MOST: Final = 5_000
"""Images of a repetition; budgets are then shares of them."""
LEVEL: Final = 0.95
_STREAM: Final = 14


def budgets(images: int) -> Ints:
    """10, 20, 50, 100, 200, 500 … and all images."""
    steps = [factor * 10**power for power in range(1, 8) for factor in (1, 2, 5)]
    return np.array([step for step in steps if step < images] + [images], dtype=np.int64)


def repeated(
    score_N: Floats,
    added_N: Floats,
    planted_P: Floats,
    lookalike_P: npt.NDArray[np.bool_],
    disagrees_N: npt.NDArray[np.bool_],
) -> Floats:
    """[T, M] probabilities of M images, evenly spaced in the order of the review, in each repetition.

    Each estimates the noise rate and the probabilities anew from images and planted errors drawn anew. How
    many of the real errors are look-alikes is known roughly, so each draws the share of these among its
    planted errors, up to 0.2 more or less than planted. How many of the images are sure enough to estimate
    the noise rate is a choice, so each draws it, too: from half to twice as many. And where predictions miss
    many right labels, they are wrong about some of the surest images as well, and say nothing of others: each
    repetition draws how much of this :class:`Doubt` is justified, from none to all of it. People
    err less on easy images, which are the surest: so wrong labels may also be more frequent elsewhere.

    Args:
        score_N: Combined scores in the order of the review.
        added_N: What margins and answers add to the log odds that follow from the score.
        disagrees_N: As :func:`noise_rate` takes it.
    """
    random = np.random.default_rng([len(score_N), _STREAM])
    size = min(len(score_N), AT_MOST)
    places_M = np.linspace(0, len(score_N) - 1, size).round().astype(np.int64)
    kinds = planted_P[lookalike_P], planted_P[~lookalike_P]
    missed, usual = Doubt.of(disagrees_N).missed, share_of_surest(disagrees_N)
    rows = []
    for _ in range(REPEATS):
        share = float(np.clip(lookalike_P.mean() + random.uniform(-0.2, 0.2), 0, 1))
        sizes = round(share * len(planted_P)), round((1 - share) * len(planted_P))
        drawn = [random.choice(own, count) for own, count in zip(kinds, sizes, strict=True) if len(own)]
        planted = np.concatenate(drawn)
        some = random.choice(score_N, size)
        share = usual * 2 ** random.uniform(-1, 1)
        surest = disagrees_N[: max(round(share * len(disagrees_N)), LEAST_SUREST)]
        rate = min(noise_rate(random.choice(surest, len(surest)), 1.0), MOST_WRONG)
        drawn_doubt = Doubt(rate, missed)
        p_M = drawn_doubt.p_wrong(score_N[places_M], planted, random.uniform(-1, 1), fitted_to=some)
        rows.append(shifted(p_M, added_N[places_M]))
    return np.stack(rows)


def log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))


def shifted(p: Floats, added: Floats) -> Floats:
    """The probabilities whose log odds are higher by ``added``."""
    return np.asarray(1 / (1 + np.exp(-(log_odds(p) + added))))


def budget_table(p_wrong_N: Floats, repeated_TM: Floats, *, stated: bool = True) -> pd.DataFrame:
    """Columns as ``budgets.parquet``; ``p_wrong_N`` in the order of the review.

    Precision is the mean probability of the reviewed images, recall their sum as a share of all images' sum.
    Intervals are the spread of the repetitions, and the chance of each label besides. Where they
    are not to be ``stated``, precision and recall are NaN, and the intervals hold all repetitions.
    """
    images_B = budgets(len(p_wrong_N))
    precision_B, recall_B, chance_B = _expected(p_wrong_N, images_B)
    size = repeated_TM.shape[1]
    places_B = np.maximum((images_B * size / len(p_wrong_N)).round().astype(np.int64), 1)
    each = [_expected(own, places_B) for own in repeated_TM]
    columns: dict[str, npt.NDArray[np.generic]] = {"images": images_B}
    for name, value_B, own_TB in (
        ("precision", precision_B, np.stack([one[0] for one in each])),
        ("recall", recall_B, np.stack([one[1] for one in each])),
    ):
        tails = (1 - LEVEL) / 2 if stated else 0.0
        low_B, high_B = np.quantile(own_TB, [tails, 1 - tails], axis=0)
        down_B = np.hypot(np.maximum(value_B - low_B, 0), 1.96 * chance_B)
        up_B = np.hypot(np.maximum(high_B - value_B, 0), 1.96 * chance_B)
        low_B, high_B = np.clip(value_B - down_B, 0, 1), np.clip(value_B + up_B, 0, 1)
        shown_B = value_B if stated else np.full_like(value_B, np.nan)
        columns |= {name: shown_B, f"{name}_low": low_B, f"{name}_high": high_B}
    return pd.DataFrame(columns)


def wrong_by_class(p_wrong_N: Floats, labels_N: Ints, classes: int) -> Floats:
    """[C] the expected number of wrong labels among those of each class."""
    return np.asarray(np.bincount(labels_N, p_wrong_N, minlength=classes), dtype=np.float64)


def flagged(p_wrong_N: Floats) -> npt.NDArray[np.bool_]:
    """[N] the images whose listing makes the expected F1 highest: the most suspect ones, in any order given.

    F1 of the b most suspect is 2 Σ_{first b} p / (b + Σ p), expected hits in place of hits.
    """
    order = np.argsort(-p_wrong_N, kind="stable")
    hits = np.cumsum(p_wrong_N[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(hits[-1], 1e-12)) if len(order) else hits
    listed = np.zeros(len(p_wrong_N), dtype=np.bool_)
    if len(order):
        listed[order[: int(f1.argmax()) + 1]] = True
    return listed


def _expected(p_N: Floats, images_B: Ints) -> tuple[Floats, Floats, Floats]:
    """Precision and recall, and the standard error of the precision by the chance of each label."""
    hits = np.cumsum(p_N)
    spread = np.cumsum(p_N * (1 - p_N))
    precision_B = hits[images_B - 1] / images_B
    recall_B = hits[images_B - 1] / max(hits[-1], 1e-12)
    return precision_B, recall_B, np.sqrt(spread[images_B - 1]) / images_B
