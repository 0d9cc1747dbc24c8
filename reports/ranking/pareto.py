"""The Pareto front of trials with several goals, and which differences are within noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from platform.tuning.goals import Goal, Statistic, figure, gains, reached
from platform.tuning.pareto import by_preference, dominates, front
from reports.ranking.rank import RankedTrial, parameter, searched_names
from reports.ranking.standard_error import standard_error

Z = 1.96
"""Differences below Z standard errors are within noise: by chance 5% of differences are larger."""


@dataclass(frozen=True)
class Place:
    """A trial's standing; ``values`` and their standard ``errors`` in the order of the goals.

    ``beaten_by``: a trial of the front that is at least as good in every goal and better in one; None on the
    front. ``beyond_noise``: whether that one is better in some goal by more than noise. ``rival``: for a
    trial on the front, another that is better in some goal by more than noise and in none worse by more than
    noise.
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
        """The standing as text, for a table."""
        if self.rival:
            return f"on the front, within noise of {self.rival}"
        if self.on_front:
            return "on the front"
        if self.beaten_by is None:
            return "not measured in every goal"
        return f"beaten by {self.beaten_by}" + ("" if self.beyond_noise else ", within noise")


@dataclass(frozen=True)
class Pareto:
    """``places`` by trial; ``preferred``: trials in the order in which a few of them are chosen."""

    goals: tuple[Goal, ...]
    places: dict[str, Place]
    preferred: list[str]

    @property
    def front(self) -> list[Place]:
        """The trials that no other beats, the best in the first goal first."""
        return [place for place in self.places.values() if place.on_front]

    def finalists(self, ranking: Sequence[RankedTrial], top: int) -> list[RankedTrial]:
        """The ``top`` trials to evaluate, in the order of ``ranking``.

        From a larger front those far from each other; a smaller one is filled up with the best other trials.
        """
        chosen = set(self.preferred[:top])
        return [one for one in ranking if one.trial.trial_id in chosen]

    def rows(self, ranking: Sequence[RankedTrial], top: int | None = None) -> list[dict[str, str]]:
        """The first ``top`` trials as text: a dict of column to cell for each trial."""
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
        """The front in sentences; ``trials``: how many are ranked."""
        shown = ", ".join(self._described(place) for place in self.front[:6])
        more = f" and {len(self.front) - 6} more" if len(self.front) > 6 else ""
        count, named = f"{len(self.front)} of {trials} trials", " and ".join(map(str, self.goals))
        lines = [f"Pareto front: {count}, which no other beats in {named} at once: {shown}{more}."]
        doubtful = [place for place in self.front if place.rival]
        if doubtful:
            pairs = ", ".join(f"{place.trial} against {place.rival}" for place in doubtful)
            lines.append(f"Their places are within noise: {pairs}.")
        return lines

    def _described(self, place: Place) -> str:
        values = zip(self.goals, place.values, strict=True)
        return f"{place.trial} ({', '.join(f'{goal.metric} {figure(value)}' for goal, value in values)})"


def pareto(
    ranking: Sequence[RankedTrial],
    goals: Sequence[Goal],
    statistic: Statistic,
    samples: Mapping[str, float],
) -> tuple[list[RankedTrial], Pareto]:
    """Rank the trials anew: the front, then the others, then those that were not measured in every goal.

    ``ranking``: by the first goal; its order is kept within each group. ``samples``: the number of images of
    which each metric is a share (:func:`reports.ranking.standard_error.samples_of`).
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
    """Trials by their position in the ranking; ``on_front``: the positions on the front."""

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
        """Whether the first is better in any goal by more than noise."""
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
