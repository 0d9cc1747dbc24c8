"""Selects the members of ensembles, judged on validation alone; what an ensemble is, and its names.

Shapes: K candidates in the order of the ranking, N validation samples, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from reports.ensembles.concat import Features, classify, side_by_side
from reports.ensembles.rules import (
    Labels,
    Learnt,
    Logits,
    Probabilities,
    Rule,
    logits_of,
    probabilities_of,
    rules,
)
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.rank import Mode, better

Score = Callable[[Probabilities], Mapping[str, float]]


LEAST_WEIGHT = 1e-3

Kind = Literal["trials", "tta", "size", "mixed", "soup", "concat", "adjusted"]

KINDS: Final = {
    "tta": ("test-time augmentation", " views"),
    "size": ("several sizes", ""),
    "mixed": ("trials and views", ""),
    "soup": ("soup", ""),
    "concat": ("concatenated features", " trials"),
    "adjusted": ("logit adjustment", " trial"),
}
"""Names of ensembles whose members are no plain trials, and the noun after their number of members."""


def label(rule: str, kind: Kind) -> str:
    """An ensemble's name without its size: its rule if its members are plain trials, else its kind."""
    return rule.replace("_", " ") if kind == "trials" else KINDS[kind][0]


def in_full(rule: str, kind: Kind, members: int) -> str:
    """ "vote of 3 trials", "test-time augmentation of 2 views", "soup"."""
    if kind == "soup":
        return label(rule, kind)
    return f"{label(rule, kind)} of {members}{' trials' if kind == 'trials' else KINDS[kind][1]}"


@dataclass(frozen=True)
class Ensemble:
    """``members``: positions among the candidates, from 0; ``metrics``: on validation.

    ``learnt``: what its rule learnt from all of validation; the ``metrics`` of such a rule are measured on
    folds left out. ``temperature``: divides the logarithms of its probabilities at the end. ``gain``: over
    the best single trial, if the metric is a mean over samples; ``adds``: how much better the metric is with
    each member than without it. ``kind``: what its members are.
    """

    rule: str
    members: tuple[int, ...]
    metrics: dict[str, float]
    learnt: Learnt = field(default_factory=dict, compare=False)
    temperature: float = 1.0
    gain: Gain | None = None
    adds: tuple[float, ...] = ()
    kind: Kind = "trials"

    @property
    def label(self) -> str:
        """Its name without its size."""
        return label(self.rule, self.kind)

    def combine(self, logits_MNC: Logits) -> Probabilities:
        """Combine logits in the order of ``members`` to probabilities [N, C]."""
        return tempered(rules()[self.rule].combine(logits_MNC, **self.learnt), self.temperature)

    def combine_features(self, features_MND: Sequence[Features]) -> Probabilities:
        """Classify the members' features [N, D_m] to probabilities [N, C]; for the kind ``concat``."""
        combined_NC = classify(side_by_side(features_MND), **self.learnt)
        return tempered(combined_NC, self.temperature)


def ensemble_name(ensemble: Ensemble) -> str:
    """ "vote of 3", "soup"."""
    return ensemble.label if ensemble.kind == "soup" else f"{ensemble.label} of {len(ensemble.members)}"


@dataclass(frozen=True)
class Judgement:
    """Scores ensembles: ``score`` maps probabilities [N, C] to metrics, of which ``metric`` decides."""

    labels_N: Labels
    score: Score
    metric: str
    mode: Mode

    def scored(
        self, rule: Rule, members: Sequence[int], logits_KNC: Logits, kind: Kind = "trials"
    ) -> Ensemble:
        """The ensemble of these members with its metrics."""
        judged_NC = rule.judged(logits_KNC[list(members)], self.labels_N)
        return Ensemble(rule.name, tuple(members), dict(self.score(judged_NC)), kind=kind)

    def best_of(self, ensembles: Sequence[Ensemble]) -> Ensemble:
        """The best by ``metric``; the first of equals, so the smallest if they are sorted by size."""
        best = ensembles[0]
        for other in ensembles[1:]:
            if better(other.metrics[self.metric], best.metrics[self.metric], self.mode):
                best = other
        return best


@dataclass(frozen=True)
class Bounds:
    """Limits of an ensemble: the number of ``members``, and their milliseconds an image together.

    ``ms``: None without a limit. ``ms_K``: what each candidate takes; ``passes_K``: how many members it
    counts as, which is the number of its forward passes for an image; empty: one each.
    """

    members: int
    ms: float | None
    ms_K: tuple[float, ...]
    passes_K: tuple[int, ...] = ()

    def hold(self, members: Sequence[int]) -> bool:
        """Whether an ensemble of these candidates is within the limits."""
        is_fast = self.ms is None or sum(self.ms_K[place] for place in members) <= self.ms
        passes = sum(self.passes_K[place] for place in members) if self.passes_K else len(members)
        return passes <= self.members and is_fast

    def highest_ranked(self) -> tuple[int, ...]:
        """The candidates that fit, taken in the order of the ranking."""
        chosen: tuple[int, ...] = ()
        for place in range(len(self.ms_K)):
            if self.hold((*chosen, place)):
                chosen = (*chosen, place)
        return chosen


def grow(
    rule: Rule,
    logits_KNC: Logits,
    judge: Judgement,
    bounds: Bounds,
    places: Sequence[int] | None = None,
    kind: Kind = "trials",
) -> list[Ensemble]:
    """Greedy selection without replacement: an ensemble for each size from 2, as long as ``bounds`` hold.

    It starts with the best single candidate and adds the one that helps most; ties go to the higher rank. For
    rules that do not learn; a rule that learns weighs its members itself (:func:`taught`). ``places``: the
    candidates to choose from, the first of which it starts with; None: all.
    """
    candidates = range(len(logits_KNC)) if places is None else places
    return greedily(lambda members: judge.scored(rule, members, logits_KNC, kind), candidates, judge, bounds)


def greedily(
    ensemble_of: Callable[[tuple[int, ...]], Ensemble],
    candidates: Sequence[int],
    judge: Judgement,
    bounds: Bounds,
) -> list[Ensemble]:
    """As :func:`grow`, for ensembles of any kind; ``ensemble_of`` scores the ensemble of given members."""
    chosen: tuple[int, ...] = (candidates[0],)
    grown: list[Ensemble] = []
    while left := [one for one in candidates if one not in chosen and bounds.hold((*chosen, one))]:
        grown.append(judge.best_of([ensemble_of((*chosen, one)) for one in left]))
        chosen = grown[-1].members
    return grown


def taught(
    rule: Rule, logits_KNC: Logits, judge: Judgement, members: tuple[int, ...]
) -> tuple[Ensemble, Probabilities]:
    """Fit a rule that learns to these candidates; return its ensemble and the probabilities it is judged by.

    It is judged on folds left out, and fitted on all samples at the end. Candidates without weight are
    dropped.
    """
    judged_NC = rule.judged(logits_KNC[list(members)], judge.labels_N)
    learnt = rule.learn(logits_KNC[list(members)], judge.labels_N)
    weights_M = learnt.get("weights_M")
    if weights_M is not None:
        used = np.flatnonzero(weights_M > LEAST_WEIGHT)
        learnt = {"weights_M": weights_M[used] / weights_M[used].sum()}
        members = tuple(members[place] for place in used)
    return Ensemble(rule.name, members, dict(judge.score(judged_NC)), learnt), judged_NC


def contributions(ensemble: Ensemble, logits_KNC: Logits, judge: Judgement) -> tuple[float, ...]:
    """How much better the metric is with each member than without it.

    Empty for a single member, and for concatenated features, which have no logits.
    """
    if len(ensemble.members) < 2 or ensemble.kind == "concat":
        return ()
    rule = rules()[ensemble.rule]
    sign = 1 if judge.mode == "max" else -1
    whole = judge.scored(rule, ensemble.members, logits_KNC).metrics[judge.metric]
    without = [
        judge.scored(rule, [one for one in ensemble.members if one != left], logits_KNC).metrics[judge.metric]
        for left in ensemble.members
    ]
    return tuple(sign * (whole - value) for value in without)


def tempered(probabilities_NC: Probabilities, by: float) -> Probabilities:
    """softmax(log p / T), T = ``by``."""
    if by == 1:
        return probabilities_NC
    tempered_NC: Probabilities = probabilities_of(logits_of(probabilities_NC) / by).astype(np.float32)
    return tempered_NC
