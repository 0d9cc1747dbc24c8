"""The best trials again with other seeds: what is suggested, and what is known after a kill."""

import pytest

from platform.config.errors import UserError
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.names import confirms, repeat_number, trial_name
from platform.tuning.search.confirmations import ConfirmSearch, ended_repeats, read_repeats
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.settings.search_config import SearchConfig


@pytest.fixture
def make(tmp_path):
    """``make(7, 3)``: a search that confirms these trials, each with two seeds."""

    def search(*numbers, seeds=2, **parameters):
        finalists = [
            PastTrial(
                number, {"optim.lr": 0.1, **parameters}, 2, "finished", {1: 0.5}, {"seed": 5, "epochs": 2}
            )
            for number in numbers
        ]
        return ConfirmSearch(SearchConfig(), SweepFolder(tmp_path), finalists, seeds)

    return search


def run(search, trial_id, *values, finished=True):
    for epoch, value in enumerate(values[:-1], start=1):
        search.on_trial_result(trial_id, {"val/accuracy": value, "epoch": epoch})
    last = {"val/accuracy": values[-1], "epoch": len(values), "finished": finished}
    search.on_trial_complete(trial_id, result=last)


def test_a_repeat_is_named_after_its_trial():
    number = repeat_number(7, 2)
    assert (trial_name(number), confirms(number)) == ("0007-seed-2", "0007")
    assert (trial_name(7), confirms(7)) == ("0007", None)


def test_each_finalist_runs_with_the_same_other_seeds(make):
    search = make(7, 3)
    suggested = [search.suggest(name) for name in "abcd"]
    assert [trial_name(one["number"]) for one in suggested] == [
        *("0007-seed-1", "0003-seed-1", "0007-seed-2", "0003-seed-2")
    ]
    seeds = [one["trial"]["seed"] for one in suggested]
    assert seeds[0] == seeds[1] and seeds[2] == seeds[3] and len({5, *seeds}) == 3
    assert all(one["trial"]["epochs"] == 2 and one["parameters"] == {"optim.lr": 0.1} for one in suggested)
    assert search.suggest("e") == "FINISHED" and search.planned == 4


def test_a_seed_that_was_searched_is_told_as_it_is(make):
    [one, _] = [make(7, seed=5).suggest(name) for name in "ab"]
    assert one["parameters"]["seed"] == one["trial"]["seed"] != 5


def test_after_a_kill_those_that_had_not_ended_are_suggested_again(make, tmp_path):
    first = make(7, 3)
    known = [first.suggest(name) for name in "abc"]
    run(first, "a", 0.6, 0.7)
    first.on_trial_complete("b", error=True)
    first.on_trial_result("c", {"val/accuracy": 0.5, "epoch": 1})

    second = make(7, 3)
    assert [(one.name, one.outcome, one.values) for one in second.past()] == [
        ("0007-seed-1", "finished", {1: 0.6, 2: 0.7}),
        ("0003-seed-1", "failed", {}),
    ]
    assert second.suggest("C") == known[2]
    run(second, "C", 0.5, 0.8)
    assert second.suggest("D")["number"] == repeat_number(3, 2)
    repeats = read_repeats(SweepFolder(tmp_path))
    assert [len(one.values) for one in repeats] == [2, 0, 2, 0]
    assert len(ended_repeats(repeats)) == 3


def test_other_finalists_of_a_search_that_went_on_are_added(make, tmp_path):
    first = make(7)
    first.suggest("a")
    run(first, "a", 0.6, 0.7)
    second = make(9, 7, seeds=3)
    assert second.planned == 6 and len(second.past()) == 1
    assert second.suggest("b")["number"] == repeat_number(9, 1)


def test_a_file_that_cannot_be_read_is_one_line(make, tmp_path):
    (tmp_path / "confirmations.json").write_text('[{"n": 1}]')
    with pytest.raises(UserError, match="confirmations.json: cannot be read"):
        make(1)
