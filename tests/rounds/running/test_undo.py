"""A round is taken back whole, wherever a process died in between, and nothing is deleted."""

from dataclasses import replace

import pytest

from platform.config.errors import UserError
from platform.rounds.ledger.ledger import RoundsLedger
from platform.rounds.plan.load_rounds import LoadedRounds
from platform.rounds.running.undo import aside_name, finish_undo, undo
from tests.rounds.made_rounds import BEGUN, made_config, made_round


@pytest.fixture
def plan(tmp_path):
    config = made_config(state=str(tmp_path / "rounds"), out=str(tmp_path / "runs"))
    return LoadedRounds(tmp_path / "birds.yaml", config, None, None, None)


@pytest.fixture
def ledger(plan):
    """Two rounds that are done, each with a folder and a sweep's folder."""
    found = RoundsLedger(plan.folder)
    found.append(BEGUN)
    (plan.folder / "base.parquet").write_text("base")
    for number in (1, 2):
        make(plan, number)
        found.append(made_round(number, True if number > 1 else None))
    return found


def make(plan, number):
    for folder in (plan.folder / f"round-{number}", plan.out / f"birds-round-{number}"):
        folder.mkdir(parents=True)
        (folder / "file").write_text(f"of round {number}")


def files(plan):
    tops = (plan.folder, plan.out)
    return {
        str(file.relative_to(plan.out.parent))
        for top in tops
        for file in top.rglob("*")
        if file.is_file() and "ledger" not in file.name
    }


AFTER_ONE = {
    "rounds/birds/base.parquet",
    "rounds/birds/round-1/file",
    "rounds/birds/undone/round-2/file",
    "runs/birds-round-1/file",
    "runs/birds-round-2-undone/file",
}


def test_the_last_round_is_moved_aside_and_the_one_before_is_the_last(plan, ledger):
    said = []
    assert undo(plan, ledger, said.append).number == 2
    assert files(plan) == AFTER_ONE
    book = ledger.read()
    assert [*book.rounds] == [1] and book.undone[0].moved_to == "undone/round-2"
    assert "round 2 is taken back" in said[-1]


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_process_that_died_in_between_is_finished_by_the_next(plan, ledger, moved):
    ledger.append(replace(ledger.read().last, state="undoing", moved_to="undone/round-2"))
    if moved > 0:
        (plan.out / "birds-round-2").rename(plan.out / "birds-round-2-undone")
    if moved > 1:
        (plan.folder / "undone").mkdir()
        (plan.folder / "round-2").rename(plan.folder / "undone" / "round-2")
    assert finish_undo(plan, ledger, print).number == 2
    assert files(plan) == AFTER_ONE
    assert finish_undo(plan, ledger, print) is None


def test_a_round_taken_back_twice_keeps_both(plan, ledger):
    undo(plan, ledger, print)
    make(plan, 2)
    ledger.append(made_round(2, False))
    undo(plan, ledger, print)
    assert files(plan) == AFTER_ONE | {
        "rounds/birds/undone/round-2-2/file",
        "runs/birds-round-2-undone-2/file",
    }
    assert [one.moved_to for one in ledger.read().undone] == ["undone/round-2", "undone/round-2-2"]


def test_with_the_first_round_the_splits_go_too_and_then_there_is_nothing_to_take_back(plan, ledger):
    undo(plan, ledger, print)
    undo(plan, ledger, print)
    book = ledger.read()
    assert (book.begun, book.rounds) == (None, {})
    assert "rounds/birds/undone/round-1/base.parquet" in files(plan)
    with pytest.raises(UserError, match="there is no round to take back"):
        undo(plan, ledger, print)


def test_the_name_of_a_sweep_aside():
    assert aside_name("b-round-2", "undone/round-2") == "b-round-2-undone"
    assert aside_name("b-round-2", "undone/round-2-3") == "b-round-2-undone-3"
