"""Our score and others' on the same predictions and features: a part of ``label_errors``. N: images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_normalized_margin_for_each_label, get_self_confidence_for_each_label

from platform.datasets.audit.labels.neighbours import nearest
from platform.datasets.audit.labels.probability.calibration import Doubt
from platform.datasets.audit.labels.probability.expectation import budget_table, flagged, repeated
from platform.datasets.audit.labels.probe import judge
from platform.datasets.audit.labels.scoring import Labels, Scored, score

from .label_error_cases import Case

OURS = "ours"
NEIGHBOURS = 20
REPEATS = 1000
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Result:
    """``budget_N``: the labels listed where as many are as are wrong; ``listed_N``: those it lists itself.

    A score without a threshold of its own lists the former: it is told the noise rate, which we are not.
    """

    budget_N: Flags
    listed_N: Flags


@dataclass(frozen=True)
class Judged:
    """``results`` by name, ours first; ``budgets`` with the column ``truth``; ``missed`` as of Doubt."""

    case: Case
    results: dict[str, Result]
    budgets: pd.DataFrame
    scored: Scored
    missed: float


def judged(case: Case) -> Judged:
    neighbours = nearest(case.embeddings_ND, NEIGHBOURS)
    scored = score(Labels(case.embeddings_ND, case.labels_N, case.classes, neighbours))
    doubt = Doubt.of(scored.disagrees_R)
    p_wrong_N = doubt.p_wrong(scored.combined_R, scored.planted_P)
    listed_by_N = doubt.p_wrong(scored.combined_R, scored.planted_P, 0.0)
    number = int(case.wrong_N.sum())
    results = {OURS: Result(first(scored.combined_R, number), flagged(listed_by_N))}
    results |= _others(case, scored, number)
    order = np.argsort(-scored.combined_R, kind="stable")
    zeros = np.zeros(len(order))
    each_TM = repeated(
        scored.combined_R[order], zeros, scored.planted_P, scored.lookalike_P, scored.disagrees_R
    )
    budgets = budget_table(p_wrong_N[order], each_TM, stated=doubt.is_small)
    hits = np.cumsum(case.wrong_N[order])
    truth = hits[budgets["images"] - 1] / budgets["images"]
    return Judged(case, results, budgets.assign(truth=truth), scored, doubt.missed)


def _others(case: Case, scored: Scored, number: int) -> dict[str, Result]:
    """cleanlab's on the probabilities that our self-confidence reads, the others' on our features."""
    sparse = judge(case.embeddings_ND, case.labels_N, case.classes).probabilities
    probabilities = np.stack(
        [sparse.of_labels(np.full(len(case.labels_N), one)) for one in range(case.classes)], 1
    )
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    suspicion = {
        "self-confidence (cleanlab)": -get_self_confidence_for_each_label(case.labels_N, probabilities),
        "normalised margin (cleanlab)": -get_normalized_margin_for_each_label(case.labels_N, probabilities),
        "AUM": scored.scores["margin"],
        "FINE": scored.scores["fine"],
        "votes of 20 neighbours": scored.scores["neighbours"],
        "prototype margin": scored.scores["prototype"],
    }
    found = {name: Result(first(own, number), first(own, number)) for name, own in suspicion.items()}
    for name in ("confident_learning", "prune_by_noise_rate"):
        listed = find_label_issues(case.labels_N, probabilities, filter_by=name, n_jobs=1)
        found[f"{name} (cleanlab)"] = Result(found["self-confidence (cleanlab)"].budget_N, listed)
    return found


def first(suspicion_N: npt.NDArray[np.float64], number: int) -> Flags:
    """The ``number`` most suspect; of equal ones those that stand first in an order drawn once."""
    ties = np.random.default_rng(0).permutation(len(suspicion_N))
    listed = np.zeros(len(suspicion_N), dtype=np.bool_)
    listed[np.lexsort([ties, -suspicion_N])[:number]] = True
    return listed


def f1(listed_N: Flags, wrong_N: Flags) -> float:
    return float(2 * (listed_N & wrong_N).sum() / max(listed_N.sum() + wrong_N.sum(), 1))


def missed(listed_N: Flags, wrong_N: Flags) -> float:
    """The share of the wrong labels that are not listed."""
    return float(1 - (listed_N & wrong_N).sum() / wrong_N.sum())


def gain(
    case: Case, ours_N: Flags, theirs_N: Flags, measure: Callable[[Flags, Flags], float]
) -> tuple[float, float]:
    """The 95 % interval of the difference of a measure over images drawn anew, the same for both."""
    random = np.random.default_rng(0)
    differences = []
    for _ in range(REPEATS):
        some = random.integers(0, len(ours_N), len(ours_N))
        wrong = case.wrong_N[some]
        differences.append(measure(ours_N[some], wrong) - measure(theirs_N[some], wrong))
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)
