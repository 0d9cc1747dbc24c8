"""Trials of a search with several goals: which no other beats in all, as far as noise lets that be said."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from platform.tuning.goals import Goal, figure, gains, reached
from platform.tuning.pareto import by_preference, dominates, front
from platform.tuning.statistic import Statistic
from reports.ranking.standard_error import standard_error
from reports.ranking.rank import RankedTrial, parameter, searched_names

Z = 1.96
"""A difference of so many standard errors is more than noise: by chance 5 % of differences are as large."""


@dataclass(frozen=True)
class Place:
    """A trial among the others; ``values`` and their standard ``errors`` in the order of the goals.

    ``beaten_by``: a trial of the front that is at least as good in every goal and better in one; None on the
    front. ``beyond_noise``: it is better in one by more than noise. ``rival``: of a trial on the front, one
    that is better in a goal by more than noise and in none worse by more than that.
    """

    trial: str
    values: tuple[float, ...]
    errors: tuple[float, ...]
    on_front: bool
    beaten_by: str | None = None
    beyond_noise: bool = True
    rival: str | None = None

    @property
    def standing(self) -> str:
        """In words, for a table."""
        if self.rival:
            return f"on the front, within noise of {self.rival}"
        if self.on_front:
            return "on the front"
        if self.beaten_by is None:
            return "not measured in every goal"
        return f"beaten by {self.beaten_by}" + ("" if self.beyond_noise else ", within noise")


@dataclass(frozen=True)
class Pareto:
    """``places``: by trial; ``preferred``: trials in the order in which they are taken where few are."""

    goals: tuple[Goal, ...]
    places: dict[str, Place]
    preferred: list[str]

    @property
    def front(self) -> list[Place]:
        """Of the trials that no other beats, the best in the first goal first."""
        return [place for place in self.places.values() if place.on_front]

    def finalists(self, ranking: Sequence[RankedTrial], top: int) -> list[RankedTrial]:
        """The front, of a larger one ``top`` far from each other; of a smaller one the best others, too.

        In the order of ``ranking``.
        """
        chosen = set(self.preferred[:top])
        return [one for one in ranking if one.trial.trial_id in chosen]

    def rows(self, ranking: Sequence[RankedTrial], top: int | None = None) -> list[dict[str, str]]:
        """The first ``top`` trials as text: one dict of column to cell a trial."""
        names = searched_names(ranking)
        return [
            {
                "#": str(one.rank),
                "trial": one.trial.trial_id,
                "standing": (place := self.places[one.trial.trial_id]).standing,
                **{goal.metric: figure(value) for goal, value in zip(self.goals, place.values, strict=True)},
                "epochs": str(one.epochs),
                "outcome": one.trial.outcome,
                **{name: parameter(one.trial.searched.get(name, "")) for name in names},
            }
            for one in ranking[:top]
        ]

    def sentences(self, trials: int) -> list[str]:
        """What the front is, in words; ``trials``: of how many."""
        shown = ", ".join(self._words(place) for place in self.front[:6])
        more = f" and {len(self.front) - 6} more" if len(self.front) > 6 else ""
        count, named = f"{len(self.front)} of {trials} trials", " and ".join(map(str, self.goals))
        said = [f"Pareto front: {count}, which no other beats in {named} at once: {shown}{more}."]
        doubtful = [place for place in self.front if place.rival]
        if doubtful:
            pairs = ", ".join(f"{place.trial} against {place.rival}" for place in doubtful)
            said.append(f"Their places are within noise: {pairs}.")
        return said

    def _words(self, place: Place) -> str:
        values = zip(self.goals, place.values, strict=True)
        return f"{place.trial} ({', '.join(f'{goal.metric} {figure(value)}' for goal, value in values)})"


def pareto(
    ranking: Sequence[RankedTrial],
    goals: Sequence[Goal],
    statistic: Statistic,
    samples: Mapping[str, float],
) -> tuple[list[RankedTrial], Pareto]:
    """The trials again, ranked anew: the front, then the others, then those not measured in every goal.

    ``ranking`` is that by the first goal, whose order is kept within each. ``samples``: on how many images a
    share was measured, by metric (:func:`reports.ranking.standard_error.samples_of`).
    """
    histories = [{name: dict(points) for name, points in one.trial.history.items()} for one in ranking]
    found = [reached(history, goals, statistic) for history in histories]
    whole = [place for place, values in enumerate(found) if all(map(math.isfinite, values))]
    points = [gains(found[place], goals) for place in whole]
    on_front = {place for place, is_there in zip(whole, front(points), strict=True) if is_there}
    errors = [
        tuple(standard_error(*pair, history, samples) for pair in zip(goals, values, strict=True))
        for history, values in zip(histories, found, strict=True)
    ]
    judged = _Judged(goals, [one.trial.trial_id for one in ranking], found, errors, sorted(on_front))
    rest = [place for place in range(len(ranking)) if place not in whole]
    order = [*sorted(on_front), *(place for place in whole if place not in on_front), *rest]
    places = {ranking[place].trial.trial_id: judged.place(place) for place in order}
    preferred = [ranking[whole[at]].trial.trial_id for at in by_preference(points)]
    ranked = [replace(ranking[place], rank=rank) for rank, place in enumerate(order, start=1)]
    return ranked, Pareto(tuple(goals), places, preferred + [ranking[place].trial.trial_id for place in rest])


@dataclass(frozen=True)
class _Judged:
    """Trials by their place in the ranking; ``on_front``: those places."""

    goals: Sequence[Goal]
    trials: list[str]
    values: list[tuple[float, ...]]
    errors: list[tuple[float, ...]]
    on_front: list[int]

    def place(self, at: int) -> Place:
        values, errors, trial = self.values[at], self.errors[at], self.trials[at]
        if at in self.on_front:
            rivals = (self.trials[other] for other in self.on_front if self._outdoes(other, at))
            return Place(trial, values, errors, True, rival=next(rivals, None))
        own = gains(values, self.goals)
        beaters = [other for other in self.on_front if dominates(gains(self.values[other], self.goals), own)]
        clear = [other for other in beaters if self._is_better(other, at)]
        by = next(iter(clear or beaters), None)
        return Place(trial, values, errors, False, None if by is None else self.trials[by], bool(clear))

    def _outdoes(self, one: int, other: int) -> bool:
        return self._is_better(one, other) and not self._is_better(other, one)

    def _is_better(self, one: int, other: int) -> bool:
        """In any goal, by more than noise."""
        return any(
            goal.sign * (mine - yours) > Z * math.hypot(my_error, your_error)
            for goal, mine, yours, my_error, your_error in zip(
                self.goals,
                self.values[one],
                self.values[other],
                self.errors[one],
                self.errors[other],
                strict=True,
            )
        )
