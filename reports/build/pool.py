"""Which ensembles of the evaluated candidates are tried: every rule on trials, and means of views and soups.

Shapes: K candidates, N validation samples, C classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.ensembles.logit_adjustment import RULE as ADJUSTED
from reports.ensembles.rules import Logits, Probabilities, rules
from reports.ensembles.selection import Bounds, Ensemble, Judgement, Kind, grow, taught
from reports.sweeps.contents import EvaluatedTrial

MEAN = "mean_probability"
"""The rule that combines views and soups."""


@dataclass(frozen=True)
class Tried:
    """The best ensemble of a rule or kind, and the probabilities ``judged_NC`` that it was judged by.

    ``grown``: the ensembles of all sizes that it was chosen from.
    """

    found: Ensemble
    judged_NC: Probabilities
    grown: Sequence[Ensemble] = ()


@dataclass(frozen=True)
class Pool:
    """``candidates``: the trials in the order of the ranking, then their other views, and soups."""

    candidates: Sequence[EvaluatedTrial]
    logits_KNC: Logits
    judge: Judgement
    max_members: int
    max_ms: float | None

    def tried(self) -> Iterator[Tried]:
        """The best ensemble of every rule and kind; a mixed one only if no other has the same members."""
        unmixed = [*self._rules(), *self._views("tta"), *self._views("size"), *self._soups()]
        means = [set(one.found.members) for one in unmixed if one.found.rule == MEAN]
        yield from unmixed
        yield from (one for one in self._mixed() if set(one.found.members) not in means)

    def foremost(self) -> tuple[int, ...]:
        """The trials that a rule that learns is fitted to: the highest ranked that the bounds allow."""
        return Bounds(self.max_members, self.max_ms, self._ms()[: self.trials]).highest_ranked()

    @property
    def trials(self) -> int:
        """How many candidates are trials in their plain view."""
        return sum(kind_of(one) == "trials" for one in self.candidates)

    def _rules(self) -> Iterator[Tried]:
        """Every rule's best ensemble of trials."""
        bounds = Bounds(self.max_members, self.max_ms, self._ms()[: self.trials])
        places = self.foremost()
        if len(places) < 2:
            return
        for rule in (rule for name, rule in rules().items() if name != ADJUSTED):
            if rule.fit:
                yield Tried(*taught(rule, self.logits_KNC, self.judge, places))
            else:
                yield from self._best_of(grow(rule, self.logits_KNC[: self.trials], self.judge, bounds))

    def _views(self, kind: Kind) -> Iterator[Tried]:
        """The best mean over one trial's views of that kind."""
        tried = [
            one
            for trial in range(self.trials)
            if self._bounds().hold((trial,))
            for one in self._best_of(self._mean([trial, *self._views_of(trial, kind)], kind))
        ]
        best = tried and self.judge.best_of([one.found for one in tried])
        yield from (one for one in tried if one.found is best)

    def _mixed(self) -> Iterator[Tried]:
        """The mean over the trials, views and soups that help most."""
        if len(self.candidates) > self.trials:
            yield from self._best_of(self._mean(range(len(self.candidates)), "mixed"))

    def _soups(self) -> Iterator[Tried]:
        rule = rules()[MEAN]
        soups = [place for place, one in enumerate(self.candidates) if kind_of(one) == "soup"]
        scored = [
            self.judge.scored(rule, (place,), self.logits_KNC, "soup")
            for place in soups
            if self._bounds().hold((place,))
        ]
        if scored:
            best = self.judge.best_of(scored)
            yield Tried(best, best.combine(self.logits_KNC[list(best.members)]))

    def _mean(self, places: Sequence[int], kind: Kind) -> list[Ensemble]:
        return grow(rules()[MEAN], self.logits_KNC, self.judge, self._bounds(), places, kind)

    def _best_of(self, grown: Sequence[Ensemble]) -> Iterator[Tried]:
        """The best of ``grown``, which is empty if the bounds leave no room for a second member."""
        if grown:
            best = self.judge.best_of(grown)
            yield Tried(best, best.combine(self.logits_KNC[list(best.members)]), grown)

    def _views_of(self, trial: int, kind: Kind) -> list[int]:
        digest = self.candidates[trial].digest
        return [
            place
            for place, one in enumerate(self.candidates)
            if one.digest == digest and kind_of(one) == kind
        ]

    def _bounds(self) -> Bounds:
        passes = tuple(len(one.view.crops) for one in self.candidates)
        return Bounds(self.max_members, self.max_ms, self._ms(), passes)

    def _ms(self) -> tuple[float, ...]:
        return tuple(one.ms_an_image or 0.0 for one in self.candidates)


def kind_of(one: EvaluatedTrial) -> Kind:
    """A candidate's kind: by its view; in the plain view, a soup or a trial."""
    if one.view.image_size is not None:
        return "size"
    if len(one.view.crops) > 1 or one.view.crops[0].mirrored:
        return "tta"
    return "soup" if one.soup else "trials"
