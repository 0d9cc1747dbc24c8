"""``run-due``: what the system's tick calls. It decides, runs what is due, compares, and tells."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from platform.config.errors import UserError
from platform.nights.ledger.ledger import Begun, Ledger
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Book, Night, State
from platform.nights.page.page import write_page
from platform.nights.plan.clock import Clock
from platform.nights.plan.fingerprint import fingerprint
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.plan.owner import claim
from platform.nights.running.decide import Decision, decide
from platform.nights.running.night_run import NightRun
from platform.nights.telling.alive import Event, ping
from platform.nights.telling.digest import send_digest_if_due
from platform.nights.telling.tell import deliver_pending, tell
from platform.storage.whole_files import write_whole

Say = Callable[[str], None]
FINE, WORSE, FAILED, MISSED = 0, 1, 3, 4


class Terminated(BaseException):
    """SIGTERM: the machine goes down, or a pod is moved; the next tick goes on with the night."""


@dataclass
class Tick:
    plan: LoadedPlan
    clock: Clock
    say: Say

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.plan.state)

    def run(self) -> int:
        """Handle all that is due; returns the exit code: 3 failed, 4 missed, 1 worse, else 0.

        Nights run one after another, and after each it is decided anew, as time has passed.
        """
        self._begin()
        seen: list[Night] = []
        with self.ledger.alone("running") as is_free, _terminable():
            if not is_free and _running(self.ledger.read()) is None:
                self.say("another tick is at it: this one leaves")
                return FINE
            while True:
                decisions = self._decide(is_free=is_free)
                seen += self._settle([one for one in decisions if one.action != "run"])
                to_run = [one for one in decisions if one.action == "run"]
                if not to_run:
                    break
                seen.append(self._run(to_run[0]))
        self._after(seen)
        return exit_code([one for one in seen if one.night in self.plan.config.nights])

    def look(self) -> list[Decision]:
        """``--dry-run``: what :meth:`run` would do first."""
        if not self.plan.state.exists():
            return self._decide(is_free=True)
        with self.ledger.alone("running") as is_free:
            return self._decide(is_free=is_free)

    def _begin(self) -> None:
        claim(self.plan)
        begun, now = self.ledger.read().begun, self.clock.now()
        for name in self.plan.config.nights:
            if name not in begun:
                self.ledger.append(Begun(now.isoformat(), name), at=now)

    def _decide(self, *, is_free: bool) -> list[Decision]:
        book = self.ledger.read()
        running = None if is_free else _running(book) or "another tick"
        of = partial(fingerprint, self.plan)
        return decide(self.plan.config, book, self.clock.now(), running=running, fingerprint=of)

    def _settle(self, decisions: list[Decision]) -> list[Night]:
        """Record what does not run; a night that waits is decided anew by the next tick."""
        states: dict[str, State] = {
            "skip": "skipped",
            "miss": "missed",
            "fail": "failed",
            "stop": "stopped",
        }
        settled = []
        book = self.ledger.read()
        for one in decisions:
            if one.action == "stop_other":
                self._ask_to_stop(book, one)
            if one.action not in states:
                self.say(f"{one.identity}: waits: {one.reason}")
                continue
            known = book.nights.get(one.identity)
            night = known or Night(one.night, one.date, "due", one.due.isoformat())
            night = replace(night, state=states[one.action], reason=one.reason, ended=self._at())
            self.ledger.append(night, at=self.clock.now())
            self.say(f"{one.identity}: {night.state}: {one.reason}")
            settled.append(night)
        self._tell(settled)
        return settled

    def _run(self, decision: Decision) -> Night:
        book = self.ledger.read()
        known = book.nights.get(decision.identity)
        NightFolder.of(self.plan.state, decision.identity).stop.unlink(missing_ok=True)
        night = known or Night(decision.night, decision.date, "due", decision.due.isoformat())
        night = replace(
            night,
            state="running",
            reason=decision.reason,
            began=night.began or self._at(),
            attempt=decision.attempt,
            host=socket.gethostname(),
            pid=os.getpid(),
            canary_only=decision.canary_only,
            fingerprint=night.fingerprint or decision.fingerprint,
        )
        self.ledger.append(night, at=self.clock.now())
        self.say(f"{night.identity}: runs: {decision.reason}")
        self._ping("start", f"{night.identity} runs: {decision.reason}")
        run = NightRun(self.plan, self.ledger, book, self.clock, night, self.say)
        try:
            night = run.run()
        except KeyboardInterrupt:
            run.record(state="stopped", reason="interrupted by Ctrl-C", ended=self._at())
            raise
        except UserError as error:  # a full disk, MLflow away, a broken sweep folder
            night = run.record(state="failed", reason=str(error).splitlines()[0], ended=self._at())
        reason = f": {night.reason}" if night.state != "done" else ""
        verdict = f", {night.verdict}" if night.verdict else ""
        said = f"{night.identity}: {night.state}{verdict}{reason}"
        self.say(said)
        self._ping("fail" if night.state == "failed" else "end", said)
        self._tell([night])
        return night

    def _at(self) -> str:
        return self.clock.now().isoformat(timespec="seconds")

    def _tell(self, nights: list[Night]) -> None:
        page = self._page() if nights else None
        for night in nights:
            if night.night not in self.plan.config.nights:
                continue  # whoever took it out of the plan knows
            tell(self.plan.config, self.ledger, night, self.clock.now(), page, file=self.plan.file)

    def _after(self, seen: list[Night]) -> None:
        now = self.clock.now()
        deliver_pending(self.plan.config, self.ledger, now)
        send_digest_if_due(self.plan.config, self.ledger, now)
        if seen:
            self._page()

    def _page(self) -> Path:
        book, now = self.ledger.read(), self.clock.now()
        return write_page(self.plan.config, self.plan.name, book, self.plan.state, now, file=self.plan.file)

    def _ping(self, event: Event, said: str) -> None:
        problem = ping(self.plan.config, event, said)
        if problem is not None:
            self.say(f"notify.alive was not reached: {problem}")

    def _ask_to_stop(self, book: Book, decision: Decision) -> None:
        """``overlap: stop``: the process that runs looks for this file each second."""
        other = _running(book)
        if other is not None:
            write_whole(NightFolder.of(self.plan.state, other).stop, f"{decision.identity} was due")


def exit_code(nights: list[Night]) -> int:
    """What a scheduler sees of the nights of a tick: the most serious."""
    states = {one.state for one in nights}
    if states & {"failed", "stopped"}:
        return FAILED
    if "missed" in states:
        return MISSED
    return WORSE if any(one.verdict == "worse" for one in nights) else FINE


def _running(book: Book) -> str | None:
    """The night that a process which holds the lock runs: the last that began and has not ended."""
    opened = [one for one in book.nights.values() if one.is_open]
    return max(opened, key=lambda one: one.began or "").identity if opened else None


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the night's command, as Ctrl-C would, and leaves the night to the next tick."""

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
