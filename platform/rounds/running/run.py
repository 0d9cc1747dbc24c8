"""Rounds from the first to the last: begin, go on, end, and write the page after each."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from platform.config.errors import UserError
from platform.datasets.image_size import covering
from platform.datasets.preparation.signature import signature
from platform.rounds.data.base import held_out_digests, write_base
from platform.rounds.data.changes import wrong_share
from platform.rounds.ledger.ledger import RoundsLedger
from platform.rounds.ledger.places import BASE, sweep_name
from platform.rounds.ledger.records import Begun, Book, Round
from platform.rounds.measuring.decide import end_of
from platform.rounds.page.page import write_page
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.running.in_mlflow import write_in_mlflow
from platform.rounds.running.one_round import OneRound, now
from platform.rounds.running.undo import finish_undo

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """``why`` no further round follows; ``page``: the page across rounds."""

    book: Book
    why: str
    page: Path


@dataclass
class Rounds:
    plan: LoadedRounds
    say: Say

    @property
    def ledger(self) -> RoundsLedger:
        return RoundsLedger(self.plan.folder)

    def run(self) -> Ended:
        """Run all rounds that are left.

        Raises:
            UserError: a mistake in settings or data, or another process runs them.
            SweepBroken: a round broke off; the same command goes on.
        """
        with alone(self.ledger):
            finish_undo(self.plan, self.ledger, self.say)
            book = self.ledger.read()
            begun = book.begun or self._begin()
            while (why := end_of(book, self.plan.config)) is None:
                self._refuse_changes(begun, book)
                self._run_one(begun, book)
                book = self.ledger.read()
                self._tell(book, ends=end_of(book, self.plan.config) is not None)
            page = self._tell(book, ends=True)
            return Ended(book, why, page)

    def _begin(self) -> Begun:
        """Draw the splits and the noise once, and keep them."""
        plan = self.plan
        size = covering(corner.largest_image for corner in plan.first.corners())
        rows = write_base(plan.data, size, plan.folder / BASE).rows
        if not (rows["split"] == "val").any():
            raise UserError(f"{plan.config.space}: data: no image is held out for validation")
        shares = {split: wrong_share(rows, split) for split in ("train", "val", "test")}
        begun = Begun(
            at=now(),
            section=_section(plan),
            signature=signature(plan.data),
            held_out=held_out_digests(rows),
            rows={str(split): int(count) for split, count in rows["split"].value_counts().items()},
            wrong={split: share for split, share in shares.items() if share is not None},
        )
        self.ledger.append(begun)
        return begun

    def _refuse_changes(self, begun: Begun, book: Book) -> None:
        """What all rounds have in common must be as it was in the first one."""
        plan, name = self.plan, self.plan.config.name
        back = f"take the rounds back with --undo, or give them another name than {name}"
        if _section(plan) != begun.section:
            raise UserError(f"{plan.config.space}: the section data changed since round 1: {back}")
        if signature(plan.data) != begun.signature:
            raise UserError(
                f"{plan.data.source}: images or labels changed since round 1 (names, sizes, times): put them "
                f"back; or {back}"
            )
        last = book.last
        is_made = last is not None and last.state == "running" and last.learnt is not None
        if last and is_made and last.settings != plan.settings_digest(last.number):
            raise UserError(
                f"{plan.file}: settings, space or policy changed since round {last.number} began: change "
                "them back, or take that round back with --undo"
            )

    def _run_one(self, begun: Begun, book: Book) -> None:
        one = book.last
        if one is None or one.state == "done":
            number = one.number + 1 if one else 1
            self._refuse_taken(number)
            one = Round(number, "running", now(), self.plan.settings_digest(number))
            self.ledger.append(one)
            self.say(f"round {number} of at most {self.plan.config.rounds}")
        else:
            self.say(f"round {one.number} goes on")
            if one.learnt is None:  # nothing rests on its settings yet
                one = replace(one, settings=self.plan.settings_digest(one.number))
                self.ledger.append(one)
        OneRound(self.plan, self.ledger, book, begun, one, self.say).run()

    def _refuse_taken(self, number: int) -> None:
        folder = self.plan.out / sweep_name(self.plan.config.name, number)
        if folder.exists() and any(folder.iterdir()):
            raise UserError(
                f"{folder}: is there already, and is no round of {self.plan.folder}: give the rounds another "
                "name, or move it away"
            )

    def _tell(self, book: Book, *, ends: bool) -> Path:
        page = write_page(self.plan, book)
        if (problem := write_in_mlflow(self.plan, book, page, ends=ends)) is not None:
            self.say(f"MLflow lacks the rounds' figures, the next command delivers them: {problem}")
        return page


@contextmanager
def alone(ledger: RoundsLedger) -> Iterator[None]:
    """Raises UserError where another process runs these rounds or takes one back."""
    with ledger.alone("running") as is_alone:
        if not is_alone:
            raise UserError(f"{ledger.folder}: another process runs these rounds")
        yield


def _section(plan: LoadedRounds) -> str:
    return json.dumps(plan.data.model_dump(mode="json"), sort_keys=True)
