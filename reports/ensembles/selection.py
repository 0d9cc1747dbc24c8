"""Which members make the best ensemble, judged on validation alone.

Shapes: K candidates in the order of the ranking, N validation samples, C classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from reports.ensembles.concat import Features, classify, side_by_side
from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities, Rule, logits_of, probabilities_of, rules
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.rank import Mode, better

Score = Callable[[Probabilities], Mapping[str, float]]


LEAST_WEIGHT = 1e-3

Kind = Literal["trials", "tta", "size", "mixed", "soup", "concat"]

KINDS: Final = {
    "tta": ("test-time augmentation", " views"),
    "size": ("several sizes", ""),
    "mixed": ("trials and views", ""),
    "soup": ("soup", ""),
    "concat": ("concatenated features", " trials"),
}
"""What ensembles whose members are no plain trials are called, and what follows their number."""


def in_words(rule: str, kind: Kind) -> str:
    """What an ensemble is called: by its rule where its members are trials, else by what they are."""
    return rule.replace("_", " ") if kind == "trials" else KINDS[kind][0]


def in_full(rule: str, kind: Kind, members: int) -> str:
    """ "vote of 3 trials", "test-time augmentation of 2 views", "soup"."""
    if kind == "soup":
        return in_words(rule, kind)
    return f"{in_words(rule, kind)} of {members}{' trials' if kind == 'trials' else KINDS[kind][1]}"


@dataclass(frozen=True)
class Ensemble:
    """``members``: places in the ranking's order, from 0; ``metrics``: of validation.

    ``learnt``: what its rule learnt from all of validation; ``metrics`` of such a rule are of samples that it
    did not learn from. ``temperature``: by which the logarithms of its probabilities are divided at last.
    ``gain``: of the metric over the best single trial, where it is a mean over samples; ``adds``: by how much
    the metric is better with each of its members than without. ``kind``: what its members are.
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
        """What it is called, without its size."""
        return in_words(self.rule, self.kind)

    def combine(self, logits_MNC: Logits) -> Probabilities:
        """Probabilities [N, C] of its members' logits, in the order of ``members``."""
        return tempered(rules()[self.rule].combine(logits_MNC, **self.learnt), self.temperature)

    def combine_features(self, features_MND: Sequence[Features]) -> Probabilities:
        """Probabilities [N, C] of its members' features [N, D_m] each, of the kind ``concat``."""
        found_NC = classify(side_by_side(features_MND), **self.learnt)
        return tempered(found_NC, self.temperature)


@dataclass(frozen=True)
class Judgement:
    """Says what an ensemble is worth: ``score`` maps probabilities [N, C] to metrics, ``metric`` decides."""

    labels_N: Labels
    score: Score
    metric: str
    mode: Mode

    def of(self, rule: Rule, members: Sequence[int], logits_KNC: Logits, kind: Kind = "trials") -> Ensemble:
        judged_NC = rule.judged(logits_KNC[list(members)], self.labels_N)
        return Ensemble(rule.name, tuple(members), dict(self.score(judged_NC)), kind=kind)

    def best_of(self, ensembles: Sequence[Ensemble]) -> Ensemble:
        """The best by ``metric``; of equals the first, the smaller where they are in order of size."""
        best = ensembles[0]
        for other in ensembles[1:]:
            if better(other.metrics[self.metric], best.metrics[self.metric], self.mode):
                best = other
        return best


@dataclass(frozen=True)
class Bounds:
    """How large an ensemble may be: ``members``, and milliseconds an image of all of them together.

    ``ms_K``: what each candidate takes; ``passes_K``: as how many members it counts, which is how often its
    networks look at an image: once, where that is empty. None of a limit that there is not.
    """

    members: int
    ms: float | None
    ms_K: tuple[float, ...]
    passes_K: tuple[int, ...] = ()

    def hold(self, members: Sequence[int]) -> bool:
        """Whether an ensemble of these candidates is within them."""
        is_fast = self.ms is None or sum(self.ms_K[place] for place in members) <= self.ms
        passes = sum(self.passes_K[place] for place in members) if self.passes_K else len(members)
        return passes <= self.members and is_fast

    def highest_ranked(self) -> tuple[int, ...]:
        """As many candidates as there may be, each that still fits, in the order of the ranking."""
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
    """One ensemble a size from 2 on: the best single first, then each time the member that helps most.

    Greedy selection without replacement, for as long as ``bounds`` hold; of members that help equally, the
    higher ranked is taken. For a rule that learns nothing: one that does weighs its members by itself
    (:func:`taught`). ``places``: the candidates that may be chosen, the one to start with first; None: all.
    """
    candidates = range(len(logits_KNC)) if places is None else places
    return greedily(lambda members: judge.of(rule, members, logits_KNC, kind), candidates, judge, bounds)


def greedily(
    made_of: Callable[[tuple[int, ...]], Ensemble],
    candidates: Sequence[int],
    judge: Judgement,
    bounds: Bounds,
) -> list[Ensemble]:
    """What :func:`grow` says, of ensembles of any kind: ``made_of`` judges the one of these members."""
    chosen: tuple[int, ...] = (candidates[0],)
    grown: list[Ensemble] = []
    while left := [one for one in candidates if one not in chosen and bounds.hold((*chosen, one))]:
        grown.append(judge.best_of([made_of((*chosen, one)) for one in left]))
        chosen = grown[-1].members
    return grown


def taught(
    rule: Rule, logits_KNC: Logits, judge: Judgement, members: tuple[int, ...]
) -> tuple[Ensemble, Probabilities]:
    """The ensemble of a rule that learns, of these candidates, and its judged probabilities.

    It is judged on folds left out; what it learnt at last it learnt from all samples. Members that the rule
    gave no weight are none.
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
    """By how much the metric is better with each member than without it; empty where there is one member.

    Empty of concatenated features, too, of which logits say nothing.
    """
    if len(ensemble.members) < 2 or ensemble.kind == "concat":
        return ()
    rule = rules()[ensemble.rule]
    sign = 1 if judge.mode == "max" else -1
    whole = judge.of(rule, ensemble.members, logits_KNC).metrics[judge.metric]
    without = [
        judge.of(rule, [one for one in ensemble.members if one != left], logits_KNC).metrics[judge.metric]
        for left in ensemble.members
    ]
    return tuple(sign * (whole - value) for value in without)


def tempered(probabilities_NC: Probabilities, by: float) -> Probabilities:
    """softmax(log p / T); at T = 1 what is given."""
    if by == 1:
        return probabilities_NC
    tempered_NC: Probabilities = probabilities_of(logits_of(probabilities_NC) / by).astype(np.float32)
    return tempered_NC
