"""Warnings about running trials, each printed once: collapsed to one class, memorising, starving."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from platform.tuning.names import trial_name
from platform.tuning.terminal import duration

ENTROPY = "train/prediction_entropy"
FITS = ("train/memorisation", "train/accuracy")
COLLAPSED_BELOW = 0.05
COLLAPSED_EPOCHS = 2
MEMORISING_EPOCHS = 3
WINDOW = 3
FALL = 0.02
NOISE = 3.0
SLOWER = 10.0
PATIENCE_S = 60.0


@dataclass
class _Course:
    """The history of a trial that has not ended.

    ``news``: when it last reported or went on in an epoch, in seconds; ``has_begun``: whether it has done so
    since it started.
    """

    news: float
    waits: bool = False
    has_begun: bool = False
    epoch_s: float | None = None
    low_epochs: int = 0
    values: list[float] = field(default_factory=list)
    fits: list[float] = field(default_factory=list)
    worse_epochs: int = 0


@dataclass
class WarningSigns:
    """Finds warning signs in results and in the time between them; ``metric`` and ``mode`` select trials.

    - collapsed: ``train/prediction_entropy`` is below 0.05 in two consecutive epochs (in a first epoch a
      network may pass through such a state);
    - memorising: for three consecutive epochs the metric is worse than before (:func:`worse_than_before`),
      while the networks predict more of the given training labels than then. Among simulated trials with a
      constant metric and noise, 2 % are reported within 50 epochs and 7 % within 100;
    - starving: no progress for ten times the length of its epochs (at least a minute) while others went on;
    - waiting: more than a minute until it trains, in which it waits for room, its process starts, and its
      networks are built and get their weights.
    """

    metric: str
    mode: str
    patience_s: float = PATIENCE_S
    courses: dict[int, _Course] = field(default_factory=dict)
    named: set[tuple[int, str]] = field(default_factory=set)

    def started(self, number: int, now: float) -> None:
        """The trial has started, or goes on."""
        course = self.courses.setdefault(number, _Course(now))
        course.news, course.waits, course.has_begun = now, False, False

    def alive(self, number: int, now: float) -> None:
        """The trial has gone on within its epoch."""
        course = self.courses.setdefault(number, _Course(now))
        course.news, course.waits, course.has_begun = now, False, True

    def waiting(self, number: int, now: float) -> None:
        """The trial waits to run; may be called again and again."""
        course = self.courses.setdefault(number, _Course(now, waits=True))
        if not course.waits:
            course.news, course.waits, course.has_begun = now, True, False

    def ended(self, number: int) -> None:
        self.courses.pop(number, None)

    def of_result(self, number: int, result: Mapping[str, Any], now: float) -> list[str]:
        """New warnings from an epoch's metrics, one line each."""
        course = self.courses.setdefault(number, _Course(now))
        course.news, course.waits, course.has_begun = now, False, True
        course.epoch_s = result.get("time/epoch_s", course.epoch_s)
        signs = {"collapsed": self._collapsed(course, result), "memorises": self._memorises(course, result)}
        return [line for sign, words in signs.items() if words for line in self._once(number, sign, words)]

    def of_time(self, now: float) -> list[str]:
        """New warnings about trials that wait while others go on."""
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
        course.values.append(sign * value)
        course.fits.append(result[name])
        worse = worse_than_before(course.values)
        rose = worse is not None and fmean(course.fits[-WINDOW:]) > fmean(course.fits[worse : worse + WINDOW])
        course.worse_epochs = course.worse_epochs + 1 if rose else 0
        if worse is None or course.worse_epochs < MEMORISING_EPOCHS:
            return None
        before, now = slice(worse, worse + WINDOW), slice(-WINDOW, None)
        return (
            f"memorises: since epoch {worse + WINDOW} {self.metric} went from "
            f"{sign * fmean(course.values[before]):.4f} to {sign * fmean(course.values[now]):.4f} and {name} "
            f"from {fmean(course.fits[before]):.2f} to {fmean(course.fits[now]):.2f} "
            f"(means of {WINDOW} epochs)"
        )

    def _starves(self, number: int, now: float) -> Iterator[str]:
        course = self.courses[number]
        silent = now - course.news
        if not course.has_begun:
            if silent > self.patience_s:
                waits_for = "room and for its process" if course.waits else "its networks and their weights"
                words = f"does not train yet: it has waited {duration(silent)} for {waits_for}"
                yield from self._once(number, "waits", words)
            return
        others = [other for key, other in self.courses.items() if key != number]
        known = [course.epoch_s] if course.epoch_s else [other.epoch_s for other in others if other.epoch_s]
        went_on = sum(other.news > course.news and not other.waits for other in others)
        if known and went_on and silent > max(self.patience_s, SLOWER * max(known)):
            whose = "its epochs take" if course.epoch_s else "others' epochs take"
            yield from self._once(
                number,
                "starves",
                f"is starving: no progress for {duration(silent)}, {whose} {max(known):.1f} s; "
                f"{went_on} other{'s' * (went_on > 1)} went on",
            )

    def _once(self, number: int, sign: str, words: str) -> Iterator[str]:
        if (number, sign) not in self.named:
            self.named.add((number, sign))
            yield f"trial {trial_name(number)} {words}"


def worse_than_before(values: Sequence[float]) -> int | None:
    """Where the best three consecutive values begin, if the last three are clearly worse (lower); else None.

    Clearly means by 2 % of the best mean and by 3 standard deviations of a value, as a small validation split
    is noisy. The deviation is estimated from second differences, which a trend does not change: 1.4826 times
    their median absolute value, divided by the root of 6. The two windows do not overlap.
    """
    if len(values) < 2 * WINDOW:
        return None
    means = [fmean(values[place : place + WINDOW]) for place in range(len(values) - WINDOW + 1)]
    best = max(range(len(means) - WINDOW), key=means.__getitem__)
    bends = (
        after - 2 * here + before for before, here, after in zip(values, values[1:], values[2:], strict=False)
    )
    deviation = 1.4826 * median(map(abs, bends)) / math.sqrt(6)
    return best if means[best] - means[-1] > max(FALL * abs(means[best]), NOISE * deviation) else None
