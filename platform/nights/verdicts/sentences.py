"""A verdict in one sentence, with the figures that decided it."""

from platform.nights.ledger.records import Word
from platform.nights.verdicts.judgement import Judgement, is_suspicion


def why(verdict: Word | None, first: Judgement, fresh: Judgement | None, p: float | None) -> str:
    """The reason of ``verdict``; ``p`` is the one that decided, after Holm where fresh seeds did."""
    if verdict is None:
        return "A series begins here: there is no night before it to compare with."
    if first.is_identical:
        return f"All {first.seeds} seeds give exactly the values of an earlier night."
    if first.problem:
        return f"It cannot be judged: {first.problem}."
    judged = first if fresh is None or fresh.problem else fresh
    if verdict in ("better", "worse"):
        return (
            f"{_seeds(judged, 'fresh ')} confirm it: {first.metric} is {judged.mean:.4f}, "
            f"{_by(judged, verdict)} than the level {judged.level:.4f} ({_interval(judged)}, {_p(p)})."
        )
    if verdict == "same":
        low, high = judged.interval(0.90) or (0.0, 0.0)
        return (
            f"{first.metric} differs by {judged.difference:+.4f} from the level: the 90% interval "
            f"{low:+.4f} to {high:+.4f} lies within ±{judged.min_change:g}, the smallest change that matters."
        )
    return _why_unclear(first, fresh, p)


def _why_unclear(first: Judgement, fresh: Judgement | None, p: float | None) -> str:
    suspicion = f"{first.metric} differs by {first.difference:+.4f} from the level"
    if not is_suspicion(first):
        return f"{suspicion} ({_interval(first)}), and may have changed or not{_needed(first)}."
    if fresh is None:
        return f"{suspicion} ({_interval(first)}, {_p(first.p)}), but no fresh seeds ran to confirm it."
    if fresh.problem:
        return f"{suspicion} ({_interval(first)}, {_p(first.p)}), but of its fresh seeds too few finished."
    again = f"{fresh.difference:+.4f} ({_interval(fresh)}, {_p(p)})"
    return (
        f"{suspicion}, but {_seeds(fresh, 'fresh ')} by {again}, which does not confirm it{_needed(fresh)}."
    )


def _seeds(judged: Judgement, kind: str = "") -> str:
    return f"{judged.seeds} {kind}seed{'s' * (judged.seeds != 1)}"


def _by(judged: Judgement, verdict: Word) -> str:
    assert judged.difference is not None
    return f"{abs(judged.difference):.4f} {verdict}"


def _interval(judged: Judgement) -> str:
    low, high = judged.interval() or (float("nan"), float("nan"))
    return f"95% interval {low:+.4f} to {high:+.4f}"


def _p(p: float | None) -> str:
    assert p is not None
    return "p < 0.0001" if p < 0.0001 else f"p {p:.2g}"


def _needed(judged: Judgement) -> str:
    if judged.seeds_needed is None:
        return "; only more nights can tell, as nights differ by more than their seeds"
    return f"; with {judged.seeds_needed} seeds a night, a change of {judged.min_change:g} would be found"
