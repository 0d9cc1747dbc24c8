"""``--undo``: take the last round back. Its folders are moved aside, nothing is deleted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from platform.config.errors import UserError
from platform.rounds.ledger.ledger import Forgotten, RoundsLedger
from platform.rounds.ledger.places import BASE, UNDONE, RoundFolder, sweep_name
from platform.rounds.ledger.records import Round
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.running.in_mlflow import mark_undone
from platform.rounds.running.one_round import now
from platform.storage.disk import written_to

Say = Callable[[str], None]


def undo(plan: LoadedRounds, ledger: RoundsLedger, say: Say) -> Round:
    """Take the last round back; killed in between, the next command finishes it.

    Raises:
        UserError: there is none.
    """
    if (done := finish_undo(plan, ledger, say)) is not None:
        return done
    last = ledger.read().last
    if last is None:
        raise UserError(f"{plan.folder}: there is no round to take back")
    ledger.append(replace(last, state="undoing", moved_to=_place(plan, last.number)))
    found = finish_undo(plan, ledger, say)
    assert found is not None
    return found


def finish_undo(plan: LoadedRounds, ledger: RoundsLedger, say: Say) -> Round | None:
    """Go on with what an earlier process began to take back; None where there is nothing."""
    last = ledger.read().last
    if last is None or last.state != "undoing":
        return None
    assert last.moved_to is not None
    aside, sweep = plan.folder / last.moved_to, sweep_name(plan.config.name, last.number)
    if problem := mark_undone(plan, last, f"taken back: {aside}"):
        say(f"MLflow does not know that round {last.number} is taken back: {problem}")
    _move(plan.out / sweep, plan.out / aside_name(sweep, last.moved_to))
    _move(RoundFolder.of(plan.folder, last.number).path, aside)
    if last.number == 1:
        _move(plan.folder / BASE, aside / BASE)
        ledger.append(Forgotten(now()))
    ledger.append(replace(last, state="undone", ended=now()))
    kept = plan.out / aside_name(sweep, last.moved_to)
    say(f"round {last.number} is taken back; what it left lies in {aside}/ and {kept}/")
    return ledger.read().undone[-1]


def _place(plan: LoadedRounds, number: int) -> str:
    """A new folder, relative to the rounds': undone/round-2, undone/round-2-2 …"""
    names = [f"{UNDONE}/round-{number}", *(f"{UNDONE}/round-{number}-{again}" for again in range(2, 10_000))]
    sweep = sweep_name(plan.config.name, number)
    places = (name for name in names if not (plan.out / aside_name(sweep, name)).exists())
    return next(name for name in places if not (plan.folder / name).exists())


def aside_name(sweep: str, moved_to: str) -> str:
    """What a sweep is called once its round was taken back: birds-round-2-undone, birds-round-2-undone-2 …"""
    again = moved_to.rpartition("/")[2].split("-")[2:]
    return "-".join([sweep, UNDONE, *again])


def _move(path: Path, to: Path) -> None:
    if not path.exists():
        return
    with written_to(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)
