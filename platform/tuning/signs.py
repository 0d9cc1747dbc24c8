"""Signs that a trial goes wrong while it runs, each named once: it collapsed, it memorises, it starves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from platform.tuning.closing import duration

ENTROPY = "train/prediction_entropy"
FITS = ("train/memorisation", "train/accuracy")
COLLAPSED_BELOW = 0.05
COLLAPSED_EPOCHS = 2
MEMORISING_EPOCHS = 3
FALL = 0.02
"""Share of the best value by which a metric must have worsened: less is the noise of a small split."""
SLOWER = 10.0
PATIENCE_S = 60.0


@dataclass
class _Course:
    """What is remembered of a trial that has not ended; ``news``: when it was last heard of, by the clock."""

    news: float
    waits: bool = False
    epoch_s: float | None = None
    low_epochs: int = 0
    best: float | None = None
    falls: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Signs:
    """Looks at results as they come, and at the clock between them; ``metric`` and ``mode`` are what selects.

    - collapsed: ``train/prediction_entropy`` below 0.05 in two epochs running (early in its first epochs a
      network may pass through there);
    - memorising: the metric worsens for three epochs running, by 2 % of the best value or more, while the
      share of the given training labels that the networks predict rises in each of them;
    - starving: no epoch for ten times as long as its own take (at least a minute) while others went on, or
      a minute's wait for room to run.
    """

    metric: str
    mode: str
    patience_s: float = PATIENCE_S
    courses: dict[int, _Course] = field(default_factory=dict)
    named: set[tuple[int, str]] = field(default_factory=set)

    def started(self, number: int, now: float) -> None:
        """The trial has begun to run, or goes on."""
        course = self.courses.setdefault(number, _Course(now))
        course.news, course.waits = now, False

    def waiting(self, number: int, now: float) -> None:
        """The trial is there but does not run; said as often as one likes."""
        course = self.courses.setdefault(number, _Course(now, waits=True))
        if not course.waits:
            course.news, course.waits = now, True

    def ended(self, number: int) -> None:
        self.courses.pop(number, None)

    def of_result(self, number: int, result: Mapping[str, Any], now: float) -> list[str]:
        """What an epoch's metrics show that was not said before, a line each."""
        course = self.courses.setdefault(number, _Course(now))
        course.news, course.waits = now, False
        course.epoch_s = result.get("time/epoch_s", course.epoch_s)
        found = {"collapsed": self._collapsed(course, result), "memorises": self._memorises(course, result)}
        return [line for sign, words in found.items() if words for line in self._once(number, sign, words)]

    def of_time(self, now: float) -> list[str]:
        """What the clock shows that was not said before: trials that wait while others go on."""
        return [line for number in list(self.courses) for line in self._starves(number, now)]

    def _collapsed(self, course: _Course, result: Mapping[str, Any]) -> str | None:
        entropy = result.get(ENTROPY)
        if entropy is None:
            return None
        course.low_epochs = course.low_epochs + 1 if entropy < COLLAPSED_BELOW else 0
        if course.low_epochs < COLLAPSED_EPOCHS:
            return None
        return f"has collapsed to one class: {ENTROPY} {entropy:.3f} in epoch {result['epoch']}"

    def _memorises(self, course: _Course, result: Mapping[str, Any]) -> str | None:
        value, name = result.get(self.metric), next((name for name in FITS if name in result), None)
        if value is None or name is None:
            return None
        sign = 1 if self.mode == "max" else -1
        course.best = value if course.best is None else sign * max(sign * course.best, sign * value)
        now = (value, result[name])
        falls = course.falls and sign * value < sign * course.falls[-1][0] and now[1] > course.falls[-1][1]
        course.falls = [*course.falls, now] if falls else [now]
        if len(course.falls) <= MEMORISING_EPOCHS or sign * (course.best - value) < FALL * abs(course.best):
            return None
        (first, fitted), epochs = course.falls[0], len(course.falls) - 1
        return (
            f"memorises: in {epochs} epochs {self.metric} went from {first:.4f} to {value:.4f} "
            f"while {name} rose from {fitted:.2f} to {now[1]:.2f}"
        )

    def _starves(self, number: int, now: float) -> Iterator[str]:
        course = self.courses[number]
        silent = now - course.news
        if course.waits:
            if silent > self.patience_s:
                yield from self._once(
                    number, "starves", f"is starving: no room to run for {duration(silent)}"
                )
            return
        others = [other for key, other in self.courses.items() if key != number]
        known = [course.epoch_s] if course.epoch_s else [other.epoch_s for other in others if other.epoch_s]
        went_on = sum(other.news > course.news and not other.waits for other in others)
        if known and went_on and silent > max(self.patience_s, SLOWER * max(known)):
            whose = "its epochs take" if course.epoch_s else "others' epochs take"
            yield from self._once(
                number,
                "starves",
                f"is starving: no epoch for {duration(silent)}, {whose} {max(known):.1f} s; "
                f"{went_on} other{'s' * (went_on > 1)} went on",
            )

    def _once(self, number: int, sign: str, words: str) -> Iterator[str]:
        if (number, sign) not in self.named:
            self.named.add((number, sign))
            yield f"trial {number:04d} {words}"
