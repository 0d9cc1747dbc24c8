"""Failed trials grouped by cause, with the region of the space where each cause occurs, if there is one."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TypeGuard

from platform.tracking.records import TrialRecord
from platform.tuning.trial.outcome import is_out_of_memory
from reports.findings.causes import VARIABLE
from reports.ranking.rank import parameter

ENDED = ("finished", "pruned", "failed")
LEAST_FAILURES = 3
CHANCE = 0.05
NO_CAUSE = "no cause was recorded"


@dataclass(frozen=True)
class Region:
    """Where a cause occurs: ``inside`` trials meet ``condition``, among them all ``failed`` ones.

    ``outside`` trials do not meet it. ``same``: other conditions that exactly the same trials meet.
    """

    condition: str
    failed: int
    inside: int
    outside: int
    same: tuple[str, ...] = ()

    def __str__(self) -> str:
        without = f", 0 of {self.outside} without"
        same = f" (the same trials have {' and '.join(self.same)})" if self.same else ""
        return f"{self.failed} of {self.inside} with {self.condition}{without}{same}"


@dataclass(frozen=True)
class Failure:
    """Trials that failed with the same cause."""

    cause: str
    trials: tuple[str, ...]
    region: Region | None = None

    def __str__(self) -> str:
        count = len(self.trials)
        where = f"{self.region}" if self.region else f"{count} trial{'s' * (count > 1)}"
        return f"{self.cause}: {where}"


def failures(trials: Sequence[TrialRecord]) -> list[Failure]:
    """Failed trials by cause, the most frequent first.

    Messages that differ only in numbers or paths count as one cause, and "…" stands for what differs. A
    :class:`Region` compares ended trials only: running and interrupted ones may still fail.
    """
    groups: dict[tuple[str, ...], list[TrialRecord]] = {}
    for trial in trials:
        if trial.outcome == "failed":
            groups.setdefault(_kind(trial.cause or NO_CAUSE), []).append(trial)
    ended = [trial for trial in trials if trial.outcome in ENDED]
    in_order = sorted(groups.values(), key=lambda group: -len(group))
    return [
        Failure(_shown(group), tuple(trial.trial_id for trial in group), region_of(group, ended))
        for group in in_order
    ]


def digest(trials: Sequence[TrialRecord]) -> list[str]:
    """The failures for a terminal, one line per cause."""
    return [f"failed: {failure}" for failure in failures(trials)]


def region_of(failed: Sequence[TrialRecord], ended: Sequence[TrialRecord]) -> Region | None:
    """The condition on a searched parameter that all of ``failed`` and the fewest other trials meet.

    A condition is ``x >= t``, ``x <= t`` or ``x = category``. With K failures, N ended trials and n of them
    inside, chance alone puts all failures inside with probability C(n, K) / C(N, K). None if this probability
    times the number of tried conditions is above 5%, or if there are fewer than 3 failures.
    """
    if len(failed) < LEAST_FAILURES:
        return None
    found = sorted(_conditions(failed, ended), key=lambda one: (len(one[1]), one[0]))
    if not found:
        return None
    condition, inside = found[0]
    chance = math.comb(len(inside), len(failed)) / math.comb(len(ended), len(failed))
    if chance * len(found) > CHANCE:
        return None
    same = tuple(other for other, trials in found[1:] if trials == inside)
    return Region(condition, len(failed), len(inside), len(ended) - len(inside), same)


def _conditions(
    failed: Sequence[TrialRecord], ended: Sequence[TrialRecord]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Conditions that all of ``failed`` but not all of ``ended`` meet, with the trials that meet them."""
    for name in sorted(set.intersection(*(set(trial.searched) for trial in failed))):
        known = {trial.trial_id: trial.searched[name] for trial in ended if name in trial.searched}
        values = [trial.searched[name] for trial in failed]
        numbers = [value for value in values if _is_number(value)]
        if len(numbers) == len(values):
            yield from _thresholds(name, numbers, known)
        elif all(repr(value) == repr(values[0]) for value in values):
            inside = frozenset(one for one, value in known.items() if repr(value) == repr(values[0]))
            if len(inside) < len(ended):
                yield f"{name} = {parameter(values[0])}", inside


def _thresholds(
    name: str, numbers: Sequence[float], known: Mapping[str, object]
) -> Iterator[tuple[str, frozenset[str]]]:
    low, high = min(numbers), max(numbers)
    others = {trial: value for trial, value in known.items() if _is_number(value)}
    below = [value for value in others.values() if value < low]
    above = [value for value in others.values() if value > high]
    if below:
        shown = shortest(low, beyond=max(below))
        yield f"{name} >= {shown}", frozenset(trial for trial, value in others.items() if value >= low)
    if above:
        shown = shortest(high, beyond=min(above))
        yield f"{name} <= {shown}", frozenset(trial for trial, value in others.items() if value <= high)


def shortest(value: float, *, beyond: float) -> str:
    """A threshold between ``value`` and ``beyond`` with the fewest digits; whole numbers stay as they are."""
    if isinstance(value, int):
        return str(value)
    rounding = ROUND_FLOOR if value > beyond else ROUND_CEILING
    exact = Decimal(repr(value))
    rounded = (Context(prec=digits, rounding=rounding).plus(exact) for digits in range(1, 18))
    low, high = sorted((value, beyond))
    return next(repr(float(one)) for one in rounded if one == exact or low < float(one) < high)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(cause: str) -> tuple[str, ...]:
    """The fixed parts of a message, which all messages of one cause share."""
    return ("out of memory",) if is_out_of_memory(cause) else tuple(VARIABLE.split(cause)[::2])


def _shown(group: Sequence[TrialRecord]) -> str:
    """The message of a group, with "…" where its messages differ."""
    causes = [trial.cause or NO_CAUSE for trial in group]
    if len(set(causes)) == 1:
        return causes[0]
    if all(map(is_out_of_memory, causes)):
        return "out of memory"
    parts = zip(*(VARIABLE.split(cause) for cause in causes), strict=True)
    return "".join(part[0] if len(set(part)) == 1 else "…" for part in parts)
