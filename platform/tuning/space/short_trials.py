"""What a trial is too short for: warm-ups, ramps and rungs that lie after its last epoch.

They are no mistake: somebody who tries a space with ``epochs=2`` wants to see it run. The plan says what does
not happen then.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from platform.tuning.settings.scheduler_config import AshaScheduler, MedianScheduler
from platform.tuning.settings.sweep_config import SweepConfig


class _Span(NamedTuple):
    """A setting counted in epochs, of which there are fewer; ``lacks``: what does not happen therefore."""

    setting: str
    epochs: float
    there_are: int
    of: str
    lacks: str

    def __str__(self) -> str:
        number = "1 epoch" if self.there_are == 1 else f"{self.there_are} epochs"
        beyond = "more than" if self.epochs > self.there_are else "as much as"
        return f"{self.setting} {self.epochs:g} is {beyond} {self.of} has ({number}): {self.lacks}"


def too_short_for(corners: Iterable[SweepConfig]) -> list[str]:
    """One line for each setting that reaches beyond the trial's end, with its largest value."""
    found: dict[str, _Span] = {}
    for corner in corners:
        for span in (*_rates(corner), *_method_spans(corner), *_rungs(corner)):
            known = found.get(span.setting)
            if known is None or span.epochs - span.there_are > known.epochs - known.there_are:
                found[span.setting] = span
    return [str(span) for span in found.values()]


def _rates(config: SweepConfig) -> Iterator[_Span]:
    for (path, phase), epochs in zip(config.paths(), config.rate_epochs(), strict=True):
        if phase.schedule.warmup_epochs > epochs:
            lacks = "the learning rate does not get to optim.lr"
            of = "its stage" if config.stages else "a trial"
            yield _Span(f"{path}schedule.warmup_epochs", phase.schedule.warmup_epochs, epochs, of, lacks)


def _method_spans(config: SweepConfig) -> Iterator[_Span]:
    for path, phase in config.paths():
        deferred = getattr(getattr(phase.method, "loss", None), "deferred_from", 0)
        if 0 < deferred >= config.total_epochs:
            lacks, field = "what it defers does not begin", f"{path}method.loss.deferred_from"
            yield _Span(field, deferred, config.total_epochs, "a trial", lacks)
        for field in type(phase.method).model_fields:
            span = getattr(phase.method, field)
            if field.endswith("_epochs") and span > config.total_epochs:
                lacks = "it does not come to its end"
                yield _Span(f"{path}method.{field}", span, config.total_epochs, "a trial", lacks)


def _rungs(config: SweepConfig) -> Iterator[_Span]:
    scheduler = config.search.scheduler
    first = scheduler.grace_period if isinstance(scheduler, AshaScheduler | MedianScheduler) else None
    if first is not None and first > config.total_epochs:
        lacks = f"{scheduler.name} does not stop it"
        yield _Span("search.scheduler.grace_period", first, config.total_epochs, "a trial", lacks)
