"""``compare FILE NIGHT NIGHT``: two nights, subject by subject and metric by metric."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Night
from platform.nights.running.measured import kept_measured
from platform.nights.verdicts.judgement import Judgement, judge
from platform.nights.verdicts.measured import Measured
from platform.tuning.goals import natural_direction


@dataclass(frozen=True)
class Pair:
    """A subject's metric on both nights; ``judgement`` is None where they must not be compared: ``why``."""

    subject: str
    metric: str
    first: float | None
    second: float | None
    judgement: Judgement | None = None
    why: str | None = None


def compare(state: Path, first: Night, second: Night, min_change: float) -> Iterator[Pair]:
    """All that either night measured. Only equal series are compared."""
    kept = [kept_measured(NightFolder.of(state, one.identity).measured) for one in (first, second)]
    series = [{(c.subject, c.metric): c.series for c in one.comparisons} for one in (first, second)]
    for subject, metric in dict.fromkeys([*kept[0], *kept[1]]):
        before, after = (one.get((subject, metric)) for one in kept)
        pair = Pair(subject, metric, _mean(before), _mean(after))
        if before is None or after is None:
            missing = (first if before is None else second).identity
            yield replace(pair, why=f"{missing} did not measure it")
        elif series[0].get((subject, metric)) != series[1].get((subject, metric)):
            yield replace(pair, why="device, data or settings differ, so they are not compared")
        else:
            direction = natural_direction(metric)
            judged = judge(after, [before], metric=metric, direction=direction, min_change=min_change)
            yield replace(pair, judgement=judged)


def _mean(measured: Measured | None) -> float | None:
    return float(measured.array().mean()) if measured is not None and measured.finished else None


def in_words(pair: Pair) -> str:
    """ "canary val/accuracy 0.9100 → 0.8600: −0.0500 (95% −0.0700 to −0.0300), p 0.0002"."""
    values = " → ".join("–" if one is None else f"{one:.4f}" for one in (pair.first, pair.second))
    start = f"{pair.subject} {pair.metric} {values}: "
    judged = pair.judgement
    if judged is None or judged.problem is not None:
        return start + str(pair.why or (judged and judged.problem))
    if judged.is_identical:
        return start + "identical, seed by seed"
    interval = judged.interval()
    assert judged.difference is not None and interval is not None and judged.p is not None
    return f"{start}{judged.difference:+.4f} (95% {interval[0]:+.4f} to {interval[1]:+.4f}), p {judged.p:.2g}"
