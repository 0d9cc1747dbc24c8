"""Each of Ray Tune's schedulers behind the section search.scheduler."""

import numpy as np
import pytest
from pydantic import TypeAdapter
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, HyperBandScheduler, TrialScheduler

from platform.tuning.search.past_trials import PastTrial
from platform.tuning.settings.scheduler_config import AshaScheduler
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.stopping.schedulers import SeededAsha, SparingMedian, make_scheduler, remember


@pytest.fixture
def make():
    def scheduler(name, seed=0, **options):
        search = TypeAdapter(SearchConfig).validate_python({"scheduler": {"name": name, **options}})
        return make_scheduler(search, max_epochs=9, seed=seed)

    return scheduler


def trial(number):
    return Trial("trial", config={"number": number}, stub=True)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("asha", {"grace_period": 2, "reduction_factor": 2.5, "brackets": 2}, SeededAsha),
        (
            "median",
            {"grace_period": 2, "min_samples_required": 2, "min_time_slice": 1, "hard_stop": False},
            SparingMedian,
        ),
        ("hyperband", {"reduction_factor": 2}, HyperBandScheduler),
        ("none", {}, FIFOScheduler),
    ],
)
def test_ray_takes_every_option_under_its_name(make, name, options, expected):
    assert type(make(name, **options)) is expected


@pytest.mark.parametrize(("epochs", "first"), [(1, 1), (3, 1), (9, 1), (15, 2), (20, 3), (100, 15)])
def test_asha_waits_for_a_share_of_the_epochs_unless_it_is_told_for_how_many(epochs, first):
    assert AshaScheduler().first_rung(epochs) == first
    scheduler = make_scheduler(SearchConfig(), max_epochs=epochs, seed=0)
    assert isinstance(scheduler, SeededAsha)
    assert min(rung for rung, _ in scheduler._brackets[0]._rungs) == first


def brackets(scheduler, trials):
    for one in trials:
        scheduler.on_trial_add(None, one)
    return [scheduler._brackets.index(scheduler._trial_info[one.trial_id]) for one in trials]


def test_the_seed_and_a_trials_number_decide_its_bracket(make):
    trials = [trial(number) for number in range(12)]
    options = {"grace_period": 1, "reduction_factor": 3, "brackets": 2}
    before = np.random.get_state()[1].copy()
    first = brackets(make("asha", **options), trials)
    assert first == brackets(make("asha", **options), trials)
    assert first[::-1] == brackets(make("asha", **options), trials[::-1])
    assert set(first) == {0, 1}
    assert first != brackets(make("asha", seed=1, **options), trials)
    assert (np.random.get_state()[1] == before).all(), "the global generator is left as it was"


def test_the_median_stops_what_is_worse_than_the_others(make):
    scheduler = make("median", grace_period=1, min_samples_required=2)
    for number, value in enumerate((0.8, 0.9)):
        other = trial(number)
        scheduler.on_trial_add(None, other)
        for epoch in (1, 2):
            scheduler.on_trial_result(None, other, {"val/accuracy": value, "epoch": epoch})
    decisions = [
        scheduler.on_trial_result(None, trial(number), {"val/accuracy": value, "epoch": 2})
        for number, value in ((2, 0.2), (3, 0.95))
    ]
    assert decisions == [TrialScheduler.STOP, TrialScheduler.CONTINUE]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("asha", {"grace_period": 1, "reduction_factor": 2}),
        ("asha", {"grace_period": 1, "reduction_factor": 3, "brackets": 2}),
        ("median", {"grace_period": 1, "min_samples_required": 2}),
    ],
)
def test_a_scheduler_that_remembers_decides_as_one_that_has_seen(make, name, options):
    values = np.random.default_rng(0).random((12, 4)).round(3)
    seen, resumed = make(name, **options), None
    past, decisions = [], {"seen": [], "resumed": []}
    for number, row in enumerate(values):
        if number == 8:
            resumed = make(name, **options)
            remember(resumed, past, "val/accuracy")
        for who, scheduler in (("seen", seen), ("resumed", resumed)):
            if scheduler is None:
                continue
            one = trial(number)
            one.trial_id = f"{who}{number}"
            scheduler.on_trial_add(None, one)
            told = {}
            for epoch, value in enumerate(row, start=1):
                told[epoch] = float(value)
                result = {"val/accuracy": value, "epoch": epoch}
                if scheduler.on_trial_result(None, one, result) == TrialScheduler.STOP:
                    break
            if number >= 8:
                decisions[who].append(len(told))
        past.append(PastTrial(number, {}, 9, "pruned", told))
    assert decisions["seen"] == decisions["resumed"]
    assert min(decisions["seen"]) < 4, "some are stopped"


@pytest.mark.parametrize("min_time_slice", [None, 1])
def test_the_median_takes_ended_trials_as_they_ran_side_by_side(make, min_time_slice):
    """The last trial ran to its end, though it was worse than the median of the seven others beside it."""
    scheduler = make("median", grace_period=1, min_samples_required=2, min_time_slice=min_time_slice)
    values = [0.9 - 0.1 * number for number in range(8)]
    past = [
        PastTrial(number, {}, 3, "finished", {epoch: value + 0.01 * epoch for epoch in (1, 2, 3)})
        for number, value in enumerate(values)
    ]
    remember(scheduler, past, "val/accuracy")
    decisions = {
        value: scheduler.on_trial_result(None, trial(number), {"val/accuracy": value, "epoch": 1})
        for number, value in ((8, 0.3), (9, 0.95))
    }
    assert decisions == {0.3: TrialScheduler.STOP, 0.95: TrialScheduler.CONTINUE}


def test_the_median_compares_with_no_failed_trial(make):
    scheduler = make("median", grace_period=1, min_samples_required=2)
    for number, value in enumerate((0.8, 0.9, 0.1)):
        other = trial(number)
        scheduler.on_trial_add(None, other)
        scheduler.on_trial_result(None, other, {"val/accuracy": value, "epoch": 1})
        last = {"epoch": 1, "failure": "out of memory"} if number == 2 else {"val/accuracy": 0.9, "epoch": 2}
        scheduler.on_trial_complete(None, other, last)
    late = trial(3)
    result = {"val/accuracy": 0.5, "epoch": 1}
    assert scheduler.on_trial_result(None, late, result) == TrialScheduler.STOP


def test_the_median_counts_the_epoch_in_which_a_trial_was_stopped_once(make):
    scheduler = make("median", grace_period=1, min_samples_required=1)
    other = trial(0)
    for epoch, value in ((1, 0.2), (2, 0.8)):
        result = {"val/accuracy": value, "epoch": epoch}
        scheduler.on_trial_result(None, other, result)
    scheduler.on_trial_complete(None, other, result)  # as Tune does where a scheduler has stopped the trial
    assert scheduler._running_mean(other, 2) == pytest.approx(0.5)


def test_asha_with_its_first_rung_after_the_end_stops_nothing():
    search = SearchConfig(scheduler=AshaScheduler(grace_period=5))
    assert type(make_scheduler(search, max_epochs=4, seed=0)) is FIFOScheduler
    assert isinstance(make_scheduler(search, max_epochs=5, seed=0), SeededAsha)
