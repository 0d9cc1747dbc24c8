"""Ensembles of embeddings: those of several trials beside each other, chosen on validation.

Shapes: K candidates in the order of the ranking, M members, N images, D dimensions (of each trial its own),
Q queries.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

import numpy as np

from platform.training.evaluation.retrieval import RANKS, Embeddings, Found, combine
from reports.ensembles.rules import Learnt
from reports.ranking.paired_bootstrap import Gain, Values, bootstrap_interval
from reports.ensembles.selection import Bounds, Ensemble, Judgement, greedily

EQUAL, WEIGHTED = "concatenation", "weighted_concatenation"
RULES = (EQUAL, WEIGHTED)
ROUNDS = 20
"""How often a member may count once more."""


def concatenated(embeddings_MND: Sequence[Embeddings], learnt: Learnt) -> Embeddings:
    """[N, Σ_m D_m]: each member's embedding of unit length, times √w_m.

    The cosine similarity of two images is Σ_m w_m cos_m / Σ_m w_m. ``learnt``: ``weights_M``, where members
    do not all count alike.
    """
    weights_M = learnt.get("weights_M", np.ones(len(embeddings_MND)))
    parts = [
        np.float32(sqrt(weight)) * combine([one_ND], "mean")
        for weight, one_ND in zip(weights_M, embeddings_MND, strict=True)
    ]
    return np.concatenate(parts, axis=1)


def grow(embeddings_KND: Sequence[Embeddings], judge: Judgement, bounds: Bounds) -> list[Ensemble]:
    """One ensemble a size from 2 on, as :func:`reports.ensembles.selection.grow` grows those of probabilities."""
    return greedily(
        lambda members: _judged(members, embeddings_KND, judge), range(len(embeddings_KND)), judge, bounds
    )


def weighted(
    best: Ensemble, embeddings_KND: Sequence[Embeddings], judge: Judgement, bounds: Bounds
) -> Ensemble | None:
    """``best``, whose members count alike, with each counted once more for as long as that helps.

    Greedy selection with replacement (Caruana et al., ICML 2004): a member's weight is the share of times
    that it was taken. None where equal weights are as good as any that it meets.
    """
    found, taken = best, best.members
    for _ in range(ROUNDS):
        more = [
            (*taken, place)
            for place in range(len(embeddings_KND))
            if bounds.hold(tuple(dict.fromkeys((*taken, place))))
        ]
        tried = [_judged(one, embeddings_KND, judge) for one in more]
        better = judge.best_of([found, *tried])
        if better is found:
            break
        found, taken = better, more[next(n for n, one in enumerate(tried) if one is better)]
    return None if found is best else found


def contributions(
    ensemble: Ensemble, embeddings_KND: Sequence[Embeddings], judge: Judgement
) -> tuple[float, ...]:
    """By how much the metric is better with each member than without it, the others' weights as they are."""
    sign = 1 if judge.mode == "max" else -1
    whole = ensemble.metrics[judge.metric]
    weights_M = ensemble.learnt.get("weights_M", np.ones(len(ensemble.members)))
    gains = []
    for left_out in range(len(ensemble.members)):
        others = [place for place in range(len(ensemble.members)) if place != left_out]
        embeddings = [embeddings_KND[ensemble.members[place]] for place in others]
        without = judge.score(concatenated(embeddings, {"weights_M": weights_M[others]}))
        gains.append(sign * (whole - without[judge.metric]))
    return tuple(gains)


def gain(metric: str, found: Found, than: Found) -> Gain | None:
    """How much better the first is by ``metric``, with the paired bootstrap's interval over queries.

    None of fewer than two queries.
    """
    if len(found.first_Q) < 2:
        return None
    differences_Q = _of_queries(metric, found) - _of_queries(metric, than)
    return Gain(float(differences_Q.mean()), *bootstrap_interval(differences_Q))


def _of_queries(metric: str, found: Found) -> Values:
    """What the metric is the mean of."""
    name = metric.rpartition("/")[2]
    values_Q = found.precision_Q if name == "map" else (found.first_Q <= RANKS[name]).double()
    return np.asarray(values_Q.numpy(), dtype=np.float64)


def _judged(taken: Sequence[int], embeddings_KND: Sequence[Embeddings], judge: Judgement) -> Ensemble:
    """Of candidates that may be taken several times; by rule and members what it is, and what it is worth."""
    counts = Counter(taken)
    members = tuple(counts)
    rule, learnt = EQUAL, {}
    if len(members) < len(taken):
        rule, learnt = WEIGHTED, {"weights_M": np.array([*counts.values()]) / len(taken)}
    made = Ensemble(rule, members, {}, learnt)
    judged_ND = concatenated([embeddings_KND[place] for place in members], learnt)
    return replace(made, metrics=dict(judge.score(judged_ND)))
