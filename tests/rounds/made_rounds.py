"""Rounds as the ledger records them, for tests of what is decided, said and drawn of them."""

from dataclasses import replace
from typing import Any

from platform.rounds.ledger.records import Action, Begun, Book, Decision, Learnt, Reached, Round
from platform.rounds.plan.rounds_config import RoundsConfig

BEGUN = Begun(
    "2026-11-30T21:00:00+01:00",
    '{"val_label": "given"}',
    "signature",
    {"val": "v", "test": "t"},
    {"train": 1000, "val": 200, "test": 300},
    {"train": 0.3},
)
ACTIONS = {
    "drop": Action(12, 12, 10, 9),
    "relabel": Action(40, 40, 40, 30),
    "pseudo_label": Action(1200, 100, 0, 0),
}


def made_round(number: int, gained: bool | None, value: float = 0.7, **changed: Any) -> Round:
    """A round that is done; ``gained``: None for the first."""
    learnt = Learnt(f"round-{number}/data.parquet", "d", 990, 10, 0.3, ACTIONS if number > 1 else {}, 75.0)
    reached = Reached(
        sweep=f"birds-round-{number}",
        trial="0003",
        metric="val/accuracy",
        value=value,
        accuracy=value,
        clean=value + 0.2,
        images=200,
        test=value + 0.1,
        test_labels="clean",
        trials=6,
        failed=0,
        epochs=48,
        seconds=65.0,
        gpu_seconds=0.0,
        report=None,
        run_id=f"run{number}",
    )
    decision = Decision(gained, "the first round: later ones are compared with it")
    if gained is not None:
        why = "a gain beyond noise" if gained else "within noise"
        decision = Decision(gained, why, 1, 0.02, 0.01, 0.001, 0.039, 0.0196)
    made = Round(
        number,
        "done",
        "2026-11-30T21:00:00+01:00",
        "s",
        learnt,
        reached,
        decision,
        "2026-11-30T21:09:00+01:00",
    )
    return replace(made, **changed)


def made_book(*gained: bool) -> Book:
    """A first round, and one for each of ``gained``."""
    rounds = {1: made_round(1, None)}
    for number, gains in enumerate(gained, start=2):
        rounds[number] = made_round(number, gains, 0.7 + 0.02 * gains)
    return Book(BEGUN, rounds)


def made_config(**changed: Any) -> RoundsConfig:
    given = {"name": "birds", "space": "space.yaml", "rounds": 3, "later": ["epochs=3"], **changed}
    return RoundsConfig.model_validate(given)
