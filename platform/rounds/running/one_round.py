"""One round: make its data, run its sweep, measure it, decide; each step is recorded before the next."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from platform.config.errors import UserError
from platform.rounds.ledger.ledger import RoundsLedger
from platform.rounds.ledger.places import RoundFolder, sweep_name
from platform.rounds.ledger.records import Begun, Book, Learnt, Reached, Round
from platform.rounds.measuring.decide import decide
from platform.rounds.measuring.measured import kept_values, measure, write_values
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.plan.words import data_section, sweep_words
from platform.rounds.running.next_data import NextData
from platform.rounds.running.steps import carry_out
from platform.tuning.folder.sweep_folder import SweepFolder

Say = Callable[[str], None]


@dataclass
class OneRound:
    """Runs a round whose state in the ledger is "running", from where an earlier process left it.

    Attributes:
        book: The ledger, as it was when the round began or went on.
    """

    plan: LoadedRounds
    ledger: RoundsLedger
    book: Book
    begun: Begun
    round: Round
    say: Say

    @property
    def number(self) -> int:
        return self.round.number

    @property
    def folder(self) -> RoundFolder:
        return RoundFolder.of(self.plan.folder, self.number)

    @property
    def sweep(self) -> SweepFolder:
        return SweepFolder(self.plan.out / sweep_name(self.plan.config.name, self.number))

    def run(self) -> Round:
        """The round as it ended.

        Raises:
            UserError: a mistake in settings or data.
            SweepBroken: a sweep or an audit broke, or the disk is full; the round goes on later.
            KeyboardInterrupt: interrupted, likewise.
        """
        data = NextData(self.plan, self.begun, self.number, self.say)
        if self.round.learnt is None:
            self._record(learnt=self._with_sources(data.make()))
        if self.round.reached is None:
            self._measure(data, self._sweep(data))
        return self._decide()

    def _with_sources(self, learnt: Learnt) -> Learnt:
        """What the sweep takes over from the best round before it."""
        best = self.book.best
        before = best.reached.sweep if best and best.reached else None
        return replace(learnt, starts_from=before, teacher=before if self.plan.config.distil else None)

    def _sweep(self, data: NextData) -> float:
        """Run the sweep or go on with it; its seconds, all of its processes together."""
        self.say(f"round {self.number}: sweep {self.sweep.path}/")
        words = self._words(data)
        started = time.monotonic()
        try:
            carry_out(
                "platform.search",
                [*words, "--resume", "auto"],
                self.folder.log,
                f"round {self.number}: sweep",
            )
        finally:  # of a sweep that goes on later, too
            self._record(seconds=round(self.round.seconds + time.monotonic() - started, 1))
        return self.round.seconds

    def _words(self, data: NextData) -> list[str]:
        assert self.round.learnt is not None
        section = data_section(
            self.plan, data.file, has_clean=data.knows_true_labels, learnt=self.round.learnt
        )
        before, teacher = self.round.learnt.starts_from, self.round.learnt.teacher
        return sweep_words(self.plan, self.number, section, starts_from=before, teacher=teacher)

    def _measure(self, data: NextData, seconds: float) -> None:
        measured = measure(self.sweep.path, seconds, test_is_void=data.test_is_void)
        self._check_held_out(measured.reached, data)
        write_values(self.folder.values, measured.values_N)
        self._record(reached=measured.reached)

    def _check_held_out(self, reached: Reached, data: NextData) -> None:
        """What the sweep was measured on is what round 1 was measured on."""
        first = self.book.rounds[1].reached if self.number > 1 else None
        for split, digest in (first.held_out if first else {}).items():
            if reached.held_out.get(split) != digest and not (split == "test" and data.test_is_void):
                raise UserError(
                    f"{self.sweep.manifest}: the images of {split} are not those of round 1 (some may be "
                    "gone, or cannot be read any more): put them back, and take the round back with --undo"
                )

    def _decide(self) -> Round:
        best = self.book.best
        than = best.number if best else None
        than_N = kept_values(RoundFolder.of(self.plan.folder, than).values) if than else None
        decision = decide(self.number, kept_values(self.folder.values), than, than_N, self.plan.config.stop)
        self.say(f"round {self.number}: {decision.why}")
        return self._record(decision=decision, state="done", ended=now())

    def _record(self, **changed: object) -> Round:
        """Append the round with these fields changed to the ledger."""
        self.round = replace(self.round, **changed)  # type: ignore[arg-type]
        self.ledger.append(self.round)
        return self.round


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
