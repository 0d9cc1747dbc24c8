"""The verdict on a night: a suspicion of the night's own seeds, and fresh seeds that alone confirm it.

Ask :func:`looks_changed` of each case, run fresh seeds for those that do, then :func:`decide` all cases of
the night at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from platform.nights.ledger.records import Finding, Word
from platform.nights.verdicts.holm import holm
from platform.nights.verdicts.judgement import Judgement, is_suspicion, judge
from platform.nights.verdicts.measured import Measured
from platform.nights.verdicts.over_images import interval_over_images
from platform.nights.verdicts.sentences import why
from platform.tuning.goals import Direction

P_LIMIT = 0.02
"""Of fresh seeds, after Holm."""
P_LIMIT_BETWEEN_NIGHTS = 0.002
"""The same for finalists. Fresh seeds repeat the settings that tonight's search found, luck and all: they
do not draw the night anew, and a false alarm is hardly rarer for the suspicion before them."""


@dataclass(frozen=True)
class Case:
    """A metric of a subject in one night, and what it is compared with.

    Attributes:
        min_change: The smallest difference that matters, in the metric's unit.
        level: The nights of the level, without tonight; empty where a series begins.
        between_nights: Nights differ by more than their seeds: see :func:`judge`. For a space's finalists.
        fresh: The seeds that ran because of a suspicion; their numbers are not those of ``tonight``.
    """

    subject: str
    metric: str
    direction: Direction
    min_change: float
    tonight: Measured
    level: Sequence[Measured]
    between_nights: bool = False
    fresh: Measured | None = None


def looks_changed(case: Case) -> bool:
    """Whether the night's own seeds raise a suspicion, so that fresh seeds are to run."""
    return is_suspicion(_against_level(case, case.tonight))


def decide(
    cases: Sequence[Case],
    *,
    p_limit: float = P_LIMIT,
    p_limit_between_nights: float = P_LIMIT_BETWEEN_NIGHTS,
) -> list[Finding]:
    """The verdicts on all cases of a night, in their order.

    - better, worse: a suspicion that fresh seeds confirm: p < ``p_limit`` after Holm over all suspicions of
      the night (``p_limit_between_nights`` where the night is the unit), at least ``min_change``, and in the
      same direction as the night's own seeds.
    - same: equal to an earlier night to the bit, or equivalence within ``min_change``.
    - unclear: all else.
    """
    first = [_against_level(one, one.tonight) for one in cases]
    suspicions = [place for place, looked in enumerate(first) if is_suspicion(looked)]
    fresh = {
        place: _against_level(cases[place], seeds)
        for place in suspicions
        if (seeds := cases[place].fresh) is not None
    }
    after_holm = dict(zip(suspicions, holm([_p_of(fresh.get(place)) for place in suspicions]), strict=True))
    return [
        _finding(
            one,
            first[place],
            fresh.get(place),
            after_holm.get(place),
            p_limit_between_nights if one.between_nights else p_limit,
        )
        for place, one in enumerate(cases)
    ]


def _against_level(case: Case, seeds: Measured) -> Judgement:
    return judge(
        seeds,
        case.level,
        metric=case.metric,
        direction=case.direction,
        min_change=case.min_change,
        between_nights=case.between_nights,
    )


def _p_of(fresh: Judgement | None) -> float:
    return 1.0 if fresh is None or fresh.p is None else fresh.p


def _finding(
    case: Case, first: Judgement, fresh: Judgement | None, after_holm: float | None, p_limit: float
) -> Finding:
    is_confirmed = fresh is not None and fresh.problem is None
    judged = fresh if fresh is not None and is_confirmed else first
    p = after_holm if is_confirmed else judged.p
    verdict = _word(case, first, fresh if is_confirmed else None, p, p_limit)
    low, high = judged.interval() or (None, None)
    images_low, images_high = _over_images(case, judged, is_confirmed) or (None, None)
    return Finding(
        verdict=verdict,
        why=why(verdict, first, fresh, p),
        mean=judged.mean,
        level=judged.level,
        difference=judged.difference,
        low=low,
        high=high,
        images_low=images_low,
        images_high=images_high,
        p=p,
        seeds_needed=judged.seeds_needed if verdict == "unclear" else None,
        is_identical=first.is_identical,
        is_suspicion=is_suspicion(first),
        is_confirmed=is_confirmed,
    )


def _word(
    case: Case, first: Judgement, fresh: Judgement | None, p: float | None, p_limit: float
) -> Word | None:
    if not case.level:
        return None
    if not is_suspicion(first):
        return "same" if first.is_within_min_change else "unclear"
    if fresh is None:
        return "unclear"
    assert p is not None and fresh.difference is not None and first.difference is not None
    agrees = (fresh.difference > 0) == (first.difference > 0)
    if agrees and p < p_limit and abs(fresh.difference) >= case.min_change:
        return "better" if (fresh.difference > 0) == (case.direction == "max") else "worse"
    return "same" if fresh.is_within_min_change else "unclear"


def _over_images(case: Case, judged: Judgement, is_confirmed: bool) -> tuple[float, float] | None:
    if judged.difference is None or not judged.error:
        return None
    measured = case.fresh if case.fresh is not None and is_confirmed else case.tonight
    return interval_over_images(measured, case.level, difference=judged.difference, freedom=judged.freedom)
