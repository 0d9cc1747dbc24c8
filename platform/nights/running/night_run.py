"""One night from its sweeps to its verdict; each step can be repeated by a process that takes over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY, Book, Night
from platform.nights.plan.clock import Clock
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.nights.running.comparing import (
    MeasuredBy,
    Reference,
    cases,
    comparisons,
    level_nights,
    reference,
    series_of,
    verdict_of,
)
from platform.nights.running.measured import only, read_measured, without, write_measured
from platform.nights.running.night_sweeps import Outcome, run_fresh_seeds, run_subject
from platform.nights.running.old_data import is_old, on_old_data
from platform.nights.running.promote import promoted
from platform.nights.running.snapshot import snapshot, snapshot_labels
from platform.nights.running.words import arguments_of, seeds_of, until
from platform.nights.telling.changes import changes_between
from platform.nights.telling.occasions import occasion_of
from platform.nights.verdicts.measured import Measured
from platform.nights.verdicts.verdict import Case, decide, looks_changed
from platform.tuning.folder.sweep_folder import SweepFolder

Say = Callable[[str], None]
NO_TIME = "no time was left until finish_by"


@dataclass
class NightRun:
    """Runs one night, whose state in the ledger is "running"; ``now`` is the clock's.

    Attributes:
        outcomes: Of the sweeps that ran, by subject.
        problems: One line for each part that went wrong; the others went on.
    """

    plan: LoadedPlan
    ledger: Ledger
    book: Book
    clock: Clock
    night: Night
    say: Say
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    stopped: str | None = None
    old_data: list[Subject] = field(default_factory=list)

    @property
    def folder(self) -> NightFolder:
        return NightFolder.of(self.plan.state, self.night.identity)

    @property
    def subjects(self) -> list[Subject]:
        every = [*self.plan.subjects[self.night.night], *self.old_data]
        return [one for one in every if one.is_canary or not self.night.canary_only]

    def run(self) -> Night:
        """The night as it ended: done, stopped or failed. What was measured is kept either way."""
        snapshot(self.plan, self.night, ROOT)
        for subject in self.subjects:
            self._run_subject(subject)
            if subject.name == CANARY and self.plan.night(self.night.night).data == "both":
                self._run_on_old_data(subject)
        started = time.monotonic()
        self._compare()
        self._promote()
        self.record(report_seconds=round(time.monotonic() - started, 1), changes=self._changes())
        return self._ended()

    def _run_subject(self, subject: Subject) -> None:
        end = until(self.plan, self.book, self.night)
        left_s = None if end is None else (end - self.clock.now()).total_seconds()
        if self.stopped is None and left_s is not None and left_s <= 0:
            self.stopped = NO_TIME
        if self.stopped is not None:
            return
        self.say(f"{self.night.identity}: {subject.name} runs ({subject.path})")
        words = arguments_of(self.plan, self.book, self.night, subject, left_s)
        outcome = run_subject(self.plan, self.night, subject, words, self._stop_at(end))
        self._take(subject, outcome)

    def _run_on_old_data(self, canary: Subject) -> None:
        if (tonight := self._digest_of(canary)) is None:
            return
        subject, note = on_old_data(self.plan, self.book, self.night, canary, tonight)
        if note is not None:
            self.say(f"{self.night.identity}: {note}")
        if subject is None:
            return
        self._run_subject(subject)
        found = self._digest_of(subject)
        if found is not None and is_old(self.book, self.night, tonight, found):
            self.old_data.append(subject)
        elif found is not None:
            self.say(
                f"{self.night.identity}: the old data are not what they were, so that nothing is compared"
            )

    def _digest_of(self, subject: Subject) -> str | None:
        """Of the data that the subject's sweep learnt from; None if it left nothing."""
        outcome = self.outcomes.get(subject.name)
        if outcome is None or outcome.run is None:
            return None
        return SweepFolder(self.plan.out / outcome.run.name).read_record().data_digest

    def _take(self, subject: Subject, outcome: Outcome) -> None:
        before = self.outcomes.get(subject.name)
        if outcome.run is not None and before is not None and before.run is not None:
            seconds = before.run.seconds + outcome.run.seconds
            outcome = replace(outcome, run=replace(outcome.run, seconds=seconds))
        self.outcomes[subject.name] = outcome
        self.stopped = self.stopped or outcome.stopped
        if outcome.problem is not None:
            self.problems.append(outcome.problem)
        if outcome.run is not None:
            snapshot_labels(self.plan, self.night, subject)
        runs = tuple(one.run for one in self.outcomes.values() if one.run is not None)
        self.record(sweeps=runs)

    def _compare(self) -> None:
        """Measure, look, run fresh seeds where that raises a suspicion, decide."""
        measured = self._measured()
        references = self._references(measured)
        first = {one.name: self._first_seeds(one) for one in self.subjects}
        looked = cases(
            self.plan,
            self.night,
            references,
            {key: only(one, first[key[0]]) for key, one in measured.items()},
        )
        self._run_fresh([case for case in looked if looks_changed(case)], measured)
        fresh = {key: without(one, first[key[0]]) for key, one in measured.items()}
        every = [replace(case, fresh=fresh[case.subject, case.metric]) for case in looked]
        found = tuple(comparisons(list(zip(every, decide(every), strict=True)), references))
        write_measured(self.folder.measured, measured)
        for one in found:
            self.say(f"{self.night.identity}: {one.subject} {one.metric} {one.mean:.4f}: {one.why}")
        self.record(comparisons=found, verdict=verdict_of(found))

    def _measured(self) -> dict[tuple[str, str], Measured]:
        found: dict[tuple[str, str], Measured] = {}
        for subject in self.subjects:
            outcome = self.outcomes.get(subject.name)
            if outcome is not None and outcome.run is not None:
                found |= self._measured_of(subject, outcome.run.name)
        return found

    def _measured_of(self, subject: Subject, sweep: str) -> dict[tuple[str, str], Measured]:
        metrics = self.plan.night(self.night.night).compare.metrics
        try:
            by_metric = read_measured(self.plan.out / sweep, metrics, is_canary=subject.is_canary)
        except UserError as error:
            self.problems.append(f"{subject.name}: cannot be measured: {error}")
            return {}
        return {(subject.name, metric): one for metric, one in by_metric.items()}

    def _references(self, measured: MeasuredBy) -> dict[tuple[str, str], Reference]:
        series = {
            name: series_of(self.plan, self.night, outcome.run)
            for name, outcome in self.outcomes.items()
            if outcome.run is not None
        }
        return {
            (subject, metric): reference(self.plan, self.book, self.night, subject, metric, series[subject])
            for subject, metric in measured
        }

    def _first_seeds(self, subject: Subject) -> range:
        """The numbers of the seeds that run each night; those beyond are fresh."""
        count = seeds_of(self.plan, self.night, subject)
        return range(0 if subject.is_canary else 1, count + 1)

    def _run_fresh(self, suspicious: list[Case], measured: dict[tuple[str, str], Measured]) -> None:
        """Run fresh seeds of each suspicious subject, unless an earlier attempt has, and measure again."""
        compare = self.plan.night(self.night.night).compare
        for subject in self.subjects:
            mine = [case for case in suspicious if case.subject == subject.name]
            end = until(self.plan, self.book, self.night)
            if not mine or self.stopped is not None or (end is not None and end <= self.clock.now()):
                continue
            first = self._first_seeds(subject)
            if without(measured[subject.name, mine[0].metric], first) is not None:
                continue
            more = compare.fresh_seeds or len(first)
            self.say(f"{self.night.identity}: {subject.name} looks changed: {more} fresh seeds decide")
            words = arguments_of(self.plan, self.book, self.night, subject, None)
            outcome = run_fresh_seeds(self.plan, self.night, subject, words, more, self._stop_at(end))
            self._take(subject, outcome)
            if outcome.run is not None and not outcome.problem and not outcome.stopped:
                measured |= self._measured_of(subject, outcome.run.name)

    def _promote(self) -> None:
        if self.plan.night(self.night.night).promote != "if_better" or self.night.canary_only:
            return
        champion, problem = promoted(self.plan, self.night, self.say)
        if problem is not None:
            self.problems.append(problem)
        if champion is not None:
            self.record(champion=champion)

    def _changes(self) -> tuple[str, ...]:
        """What differs from the last night of the level, or from the last one that was done."""
        past = [one for one in self.book.of(self.night.night) if one.state == "done"]
        past = [one for one in past if one.date < self.night.date]
        level: list[Night] = []
        for one in self.night.comparisons:
            level = level or level_nights(self.book, self.night, one.subject, one.metric, one.series)
        before = level[-1] if level else past[-1] if past else None
        return changes_between(before, self.night, self.plan.state, ROOT) if before else ()

    def _ended(self) -> Night:
        at = self.clock.now().isoformat(timespec="seconds")
        if self.stopped is not None:
            return self.record(state="stopped", reason=self.stopped, ended=at)
        if self.problems:
            return self.record(state="failed", reason="; ".join(self.problems), ended=at)
        done = replace(self.night, state="done", ended=at)
        return self.record(
            state="done", ended=at, recovered=occasion_of(self.ledger.read(), done) == "recovered"
        )

    def record(self, **changed: object) -> Night:
        """Append the night with these fields changed to the ledger."""
        self.night = replace(self.night, **changed)  # type: ignore[arg-type]
        self.ledger.append(self.night, at=self.clock.now())
        return self.night

    def _stop_at(self, end: datetime | None) -> Callable[[], str | None]:
        finish_by = self.plan.night(self.night.night).finish_by

        def stop() -> str | None:
            if self.folder.stop.exists():
                return self.folder.stop.read_text(encoding="utf-8").strip() or "it was asked to stop"
            if end is not None and self.clock.now() >= end:
                return f"finish_by ({finish_by}) came"
            return None

        return stop
