"""Ensembles of embeddings: several trials' embeddings concatenated, chosen on validation.

Shapes: K candidates in the order of the ranking, M members, N images, D dimensions (which differ between
trials), Q queries.
"""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

import numpy as np

from platform.training.evaluation.retrieval import RANKS, Embeddings, Found, combine
from reports.ensembles.rules import Learnt
from reports.ensembles.selection import Bounds, Ensemble, Judgement, greedily
from reports.ranking.paired_bootstrap import Gain, Values, bootstrap_interval

EQUAL, WEIGHTED = "concatenation", "weighted_concatenation"
RULES = (EQUAL, WEIGHTED)
ROUNDS = 20
"""How many times a member may be added once more."""


def concatenated(embeddings_MND: Sequence[Embeddings], learnt: Learnt) -> Embeddings:
    """[N, Σ_m D_m]: each member's embedding, scaled to length √w_m.

    The cosine similarity of two images is Σ_m w_m cos_m / Σ_m w_m. ``learnt``: ``weights_M``, unless all
    members have the same weight.
    """
    weights_M = learnt.get("weights_M", np.ones(len(embeddings_MND)))
    parts = [
        np.float32(sqrt(weight)) * combine([one_ND], "mean")
        for weight, one_ND in zip(weights_M, embeddings_MND, strict=True)
    ]
    return np.concatenate(parts, axis=1)


def grow(embeddings_KND: Sequence[Embeddings], judge: Judgement, bounds: Bounds) -> list[Ensemble]:
    """An ensemble for each size from 2, as :func:`.selection.grow` does for probabilities."""
    return greedily(
        lambda members: _judged(members, embeddings_KND, judge), range(len(embeddings_KND)), judge, bounds
    )


def weighted(
    best: Ensemble, embeddings_KND: Sequence[Embeddings], judge: Judgement, bounds: Bounds
) -> Ensemble | None:
    """Add members to ``best`` once more, as long as that improves it; weights follow from the counts.

    Greedy selection with replacement (Caruana et al., ICML 2004): a member's weight is the share of times
    that it was taken. None if no other weights are better than equal ones.
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
    """How much better the metric is with each member than without it; the others keep their weights."""
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
    """How much better ``found`` is than ``than`` by ``metric``, with the paired bootstrap's interval.

    Queries are resampled; None for fewer than two.
    """
    if len(found.first_Q) < 2:
        return None
    differences_Q = _of_queries(metric, found) - _of_queries(metric, than)
    return Gain(float(differences_Q.mean()), *bootstrap_interval(differences_Q))


def _of_queries(metric: str, found: Found) -> Values:
    """[Q]: the values of which the metric is the mean."""
    name = metric.rpartition("/")[2]
    values_Q = found.precision_Q if name == "map" else (found.first_Q <= RANKS[name]).double()
    return np.asarray(values_Q.numpy(), dtype=np.float64)


def _judged(taken: Sequence[int], embeddings_KND: Sequence[Embeddings], judge: Judgement) -> Ensemble:
    """The ensemble of these candidates with its validation metrics; one taken several times weighs more."""
    counts = Counter(taken)
    members = tuple(counts)
    rule, learnt = EQUAL, {}
    if len(members) < len(taken):
        rule, learnt = WEIGHTED, {"weights_M": np.array([*counts.values()]) / len(taken)}
    judged_ND = concatenated([embeddings_KND[place] for place in members], learnt)
    return Ensemble(rule, members, dict(judge.score(judged_ND)), learnt)
