"""Values that the best tenth of the trials share, and how likely chance would give as much."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from platform.config.ranges import NumberRange
from platform.config.space import Parameter, Space
from platform.tuning.search.importance import LEAST_TRIALS
from reports.findings.branches import Branch
from reports.ranking.rank import parameter

LEAST_TOP = 3
LIKELY = 0.05  # of all parameters together: the chance that one is called a surprise where none is


@dataclass(frozen=True)
class Shared:
    """A parameter's values in the best tenth and in all ``trials`` that drew it, as text.

    ``chance``: probability that as many trials, drawn at random from these, agree as much or more.
    ``is_surprising``: it is below 5% for all parameters together (Bonferroni).
    """

    parameter: Parameter
    trials: int
    top: int
    in_top: str
    in_all: str
    chance: float
    is_surprising: bool = False


def top_tenth(trials: int) -> int:
    """A tenth of the trials, but at least three."""
    return min(trials, max(LEAST_TOP, math.ceil(trials / 10)))


def shared_values(space: Space, ranked: Sequence[Branch]) -> list[Shared]:
    """Shared values of each parameter, the most surprising first; ``ranked``: the best trial first.

    The tenth (at least three) is taken of the trials that drew the parameter. Parameters that fewer than
    :data:`LEAST_TRIALS` trials drew are left out.
    """
    found = [one for one in (_shared(one, ranked) for one in space.parameters()) if one is not None]
    bound = LIKELY / max(len(found), 1)
    flagged = [Shared(**vars(one) | {"is_surprising": one.chance < bound}) for one in found]
    return sorted(flagged, key=lambda one: (one.chance, one.parameter.name))


def narrowness(top: int, spanned: int, trials: int) -> float:
    """The chance that ``top`` of ``trials`` ranks, drawn at random, span no more than ``spanned`` of them.

    P(max - min < s) = Σ_{d = k-1}^{s-1} (n - d) C(d - 1, k - 2) / C(n, k): d is the distance of the ends,
    which has n - d places, and k - 2 ranks lie between them.
    """
    ways = sum((trials - d) * math.comb(d - 1, top - 2) for d in range(top - 1, spanned))
    return ways / math.comb(trials, top)


def commonness(top: int, agreeing: int, trials: int, having: int) -> float:
    """The chance that of ``top`` out of ``trials``, of which ``having`` have a value, ``agreeing`` have it.

    Or more of them do: the hypergeometric distribution's tail, as in Fisher's exact test.
    """
    most = min(top, having)
    ways = sum(math.comb(having, k) * math.comb(trials - having, top - k) for k in range(agreeing, most + 1))
    return ways / math.comb(trials, top)


def _shared(one: Parameter, ranked: Sequence[Branch]) -> Shared | None:
    values = [branch.parameters[one.name] for branch in ranked if one.name in branch.parameters]
    if len(values) < LEAST_TRIALS:
        return None
    top = top_tenth(len(values))
    values_and_chance = _numbers(values, top) if isinstance(one.range, NumberRange) else _options(values, top)
    return Shared(one, len(values), top, *values_and_chance)


def _numbers(values: Sequence[float], top: int) -> tuple[str, str, float]:
    low, high = min(values[:top]), max(values[:top])
    spanned = sum(low <= value <= high for value in values)
    return _span(low, high), _span(min(values), max(values)), narrowness(top, spanned, len(values))


def _options(values: Sequence[Any], top: int) -> tuple[str, str, float]:
    """The option whose share in the top is the least likely by chance."""
    in_top, in_all = Counter(map(repr, values[:top])), Counter(map(repr, values))
    names = {repr(value): parameter(value) for value in values}
    chances = {name: commonness(top, in_top[name], len(values), in_all[name]) for name in in_top}
    rarest = min(chances, key=lambda name: (chances[name], -in_top[name], name))
    # Each option of the top had its chance to surprise.
    chance = min(1.0, chances[rarest] * len(in_all))
    return (
        _share(in_top[rarest], top, names[rarest]),
        _share(in_all[rarest], len(values), names[rarest]),
        chance,
    )


def _span(low: float, high: float) -> str:
    return parameter(low) if low == high else f"{parameter(low)} to {parameter(high)}"


def _share(count: int, of: int, name: str) -> str:
    return f"{name} in {count} of {of}"
