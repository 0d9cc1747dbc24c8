"""Causes grouped, and the part of the space in which they were met."""

import math
from dataclasses import replace

import pytest

from platform.tracking.records import TrialRecord
from reports.findings.failures import digest, failures, region_of, shortest

OOM = "OutOfMemoryError: CUDA out of memory. Tried to allocate {}.00 MiB. GPU 0 has a total of 79.1 GiB"


def trial(number, cause=None, outcome=None, **searched):
    searched = {name.replace("__", "."): value for name, value in searched.items()}
    outcome = outcome or ("failed" if cause else "finished")
    return TrialRecord(f"r{number}", f"{number:04d}", 1, outcome, searched, {}, cause=cause)


@pytest.fixture
def sweep():
    """Out of memory from a batch of 256 on; a learning rate above 1 diverges, once."""
    sizes = [64, 128, 256, 512] * 4
    made = [
        trial(
            number, OOM.format(20 + number) if size >= 256 and number < 14 else None, batch_size=size, lr=0.1
        )
        for number, size in enumerate(sizes)
    ]
    return [*made[:14], trial(99, "TrainingDiverged: the loss is nan", batch_size=64, lr=2.0)]


def test_a_cause_is_told_with_the_part_of_the_space_it_falls_in(sweep):
    assert digest(sweep) == [
        "failed: out of memory: 6 of 6 with batch_size >= 256, 0 of 9 without",
        "failed: TrainingDiverged: the loss is nan: 1 trial",
    ]


def test_failures_are_grouped_by_cause_the_most_frequent_first(make_contents):
    trials = make_contents().sweep.trials
    causes = {"0001": "out of memory", "0003": "out of memory", "0004": "diverged", "0005": None}
    broken = [
        replace(trial, outcome="failed", cause=causes[trial.trial_id])
        for trial in trials
        if trial.trial_id in causes
    ]
    assert [(one.cause, one.trials) for one in failures(broken)] == [
        ("out of memory", ("0001", "0003")),
        ("diverged", ("0004",)),
        ("no cause was recorded", ("0005",)),
    ]


def test_messages_that_differ_in_numbers_and_paths_are_one_cause():
    causes = [
        "ModelError: /data/a/w.pt: 3 tensors of 12 kB do not fit network 1",
        "ModelError: /data/b/c/w.pt: 17 tensors of 1.5 GiB do not fit network 1",
        "ModelError: /data/b/c/w.pt: is no file of weights",
    ]
    found = failures([trial(number, cause) for number, cause in enumerate(causes)])
    assert [(one.cause, one.trials) for one in found] == [
        ("ModelError: …: … tensors of … do not fit network 1", ("0000", "0001")),
        ("ModelError: /data/b/c/w.pt: is no file of weights", ("0002",)),
    ]


def test_nothing_is_said_of_fewer_than_three_failures():
    made = [trial(n, "boom" if n < 2 else None, batch_size=512 if n < 2 else 64) for n in range(20)]
    assert failures(made)[0].region is None


def test_nothing_is_said_where_chance_may_have_done_it():
    made = [trial(n, "boom" if n in (17, 18, 19) else None, lr=float(n % 4)) for n in range(20)]
    assert failures(made)[0].region is None


def test_one_failure_elsewhere_is_enough_to_say_nothing():
    made = [trial(n, "boom" if n < 6 or n == 19 else None, lr=1.0 / (n + 1)) for n in range(20)]
    assert failures(made)[0].region is None


def test_every_trial_failing_is_no_part_of_the_space():
    assert failures([trial(n, "boom", lr=0.1 * n) for n in range(9)])[0].region is None


def test_a_category_and_what_falls_together_with_it():
    made = [
        trial(
            n, "boom" if n % 4 == 0 else None, method=("peer", "core", "supcon", "ce")[n % 4], ema=n % 4 == 0
        )
        for n in range(24)
    ]
    [found] = failures(made)
    assert str(found.region) == "6 of 6 with ema = true, 0 of 18 without (the same trials have method = peer)"


def test_a_conditional_parameter_counts_the_trials_that_do_not_have_it_as_without():
    made = [
        trial(n, "boom", method="peer", method__drop_rate=0.6 + n / 100)
        if n < 5
        else trial(n, method="peer", method__drop_rate=0.1 + n / 100)
        if n < 10
        else trial(n, method="ce")
        for n in range(20)
    ]
    assert str(failures(made)[0].region) == "5 of 5 with method.drop_rate >= 0.6, 0 of 15 without"


def test_trials_that_did_not_end_count_on_neither_side():
    made = [trial(n, "boom" if n < 5 else None, lr=1.0 if n < 5 else 0.1) for n in range(15)]
    open_ = [trial(20 + n, outcome=("running", "interrupted")[n % 2], lr=1.0) for n in range(6)]
    assert str(failures([*made, *open_])[0].region) == "5 of 5 with lr >= 1.0, 0 of 10 without"


def test_the_chance_is_that_of_a_draw_without_replacement():
    """Three of nine that all lie in the upper four: C(4, 3) / C(9, 3) = 1/21."""
    made = [trial(n, "boom" if n in (5, 7, 8) else None, lr=n * 1.0) for n in range(9)]
    assert math.comb(4, 3) / math.comb(9, 3) < 0.05
    assert region_of([made[5], made[7], made[8]], made) is not None
    more = [trial(n, one.cause, lr=one.searched["lr"], wd=n % 5 * 1.0) for n, one in enumerate(made)]
    assert region_of([more[5], more[7], more[8]], more) is None, "a second parameter is a second chance"


@pytest.mark.parametrize(
    ("value", "beyond", "text"),
    [
        (0.83124, 0.71, "0.8"),
        (0.83124, 0.8301, "0.831"),
        (0.0123, 0.05, "0.02"),
        (256, 128, "256"),
        (0.3, 0.1, "0.3"),
        (1e30, 0.01, "1e+30"),
    ],
)
def test_a_threshold_has_the_fewest_digits_that_tell_the_two_sides_apart(value, beyond, text):
    assert shortest(value, beyond=beyond) == text
