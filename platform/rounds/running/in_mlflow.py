"""The rounds in MLflow: one run over all, each round's sweep below it, tags to compare them by."""

from datetime import datetime
from pathlib import Path

from platform.rounds.ledger.places import sweep_name
from platform.rounds.ledger.records import Book, Round
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.plan.words import ROUND_TAG, ROUNDS_TAG
from platform.tracking.tracking_config import TrackingError
from platform.tuning.folder.sweep_folder import SweepFolder


def write_in_mlflow(plan: LoadedRounds, book: Book, page: Path, *, ends: bool) -> str | None:
    """Write what the book says; why MLflow did not take it, or None. It can be repeated."""
    if not book.done or book.begun is None:
        return None
    from platform.tracking.writing.rounds import RoundRun, write_rounds

    runs = [
        RoundRun(one.number, one.reached.run_id, _ended_ms(one), _tags(plan, one), _metrics(one))
        for one in book.done
        if one.reached is not None
    ]
    try:
        record = SweepFolder(plan.out / _sweep(book.done[-1])).read_record()
        write_rounds(
            record.tracking_uri,
            record.experiment,
            plan.config.name,
            f"{plan.folder.absolute()} {book.begun.at}",
            runs,
            note=_note(book),
            page=page,
            outcome="finished" if ends else "running",
        )
    except TrackingError as error:
        return str(error)
    return None


def mark_undone(plan: LoadedRounds, one: Round, why: str) -> str | None:
    """Tag the sweep's run of a round that is taken back; why MLflow did not take it, or None."""
    folder = SweepFolder(plan.out / sweep_name(plan.config.name, one.number))
    if not folder.record_file.exists():
        return None
    from platform.tracking.writing.rounds import write_undone

    record = folder.read_record()
    try:
        write_undone(record.tracking_uri, record.parent_run_id, why)
    except TrackingError as error:
        return str(error)
    return None


def _sweep(one: Round) -> str:
    assert one.reached is not None
    return one.reached.sweep


def _ended_ms(one: Round) -> int:
    return int(datetime.fromisoformat(one.ended or one.began).timestamp() * 1000)


def _tags(plan: LoadedRounds, one: Round) -> dict[str, str]:
    decision = one.decision
    gained = {None: "first", True: "gained", False: "no gain"}[decision.gained if decision else None]
    why = decision.why if decision else ""
    return {
        ROUNDS_TAG: plan.config.name,
        ROUND_TAG: str(one.number),
        "round_gained": gained,
        "round_why": why,
    }


def _metrics(one: Round) -> dict[str, float]:
    reached, learnt, decision = one.reached, one.learnt, one.decision
    assert reached is not None and learnt is not None
    found: dict[str, float | None] = {
        "val_accuracy": reached.accuracy,
        "val_clean_accuracy": reached.clean,
        "test_accuracy": reached.test,
        "difference": decision.difference if decision else None,
        "standard_error": decision.standard_error if decision else None,
        "labelled": learnt.labelled,
        "unlabelled": learnt.unlabelled,
        "wrong_labels": learnt.wrong,
        "seconds": reached.seconds + learnt.seconds,
        "epochs": reached.epochs,
    }
    for name, action in learnt.actions.items():
        found[name] = action.count
        found[f"{name}_precision"] = action.precision
    return {name: float(value) for name, value in found.items() if value is not None}


def _note(book: Book) -> str:
    lines = ["| round | validation | decision |", "| --- | --- | --- |"]
    for one in book.done:
        assert one.reached is not None and one.decision is not None
        lines.append(f"| {one.number} | {one.reached.value:.4f} | {one.decision.why} |")
    return "\n".join(lines)
