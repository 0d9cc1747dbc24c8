"""When a report says that it knows nothing, from sizes of classes and metrics alone."""

import numpy as np
import pytest

from reports.findings.caveats import Classes, find_caveats

EVEN = {"a": 100, "b": 100, "c": 100, "d": 100}
OF_400 = {"val/accuracy": 400.0, "val/macro_accuracy": 400.0}


def classes(trained=EVEN, validated=EVEN, samples=OF_400):
    return Classes(trained, validated, samples)


def metrics(accuracy, macro):
    return {"val/accuracy": accuracy, "val/macro_accuracy": macro}


def find(of, finalists, *, goals=("val/accuracy",), trials=1, **changes):
    return find_caveats(of, finalists, goals, trials=trials, **changes)


def test_finalists_that_guess_are_called_chance_with_the_numbers():
    worst, majority = find(classes(), [metrics(0.26, 0.26), metrics(0.25, 0.25)])
    assert worst.is_chance and not majority.is_chance
    assert "the best val/macro_accuracy of 2 finalists is 0.2600" in worst.words
    assert "Guessing among 4 classes has 0.2500" in worst.words
    assert "on 400 validation images one trial may reach 0.2850 by luck" in worst.words
    assert "Answering “a”, the largest training class" in majority.words


def test_one_finalist_that_knows_something_is_enough():
    assert find(classes(), [metrics(0.25, 0.25), metrics(0.5, 0.5)]) == []


@pytest.mark.parametrize(("trials", "is_chance"), [(1, False), (100, True)])
def test_the_best_of_many_trials_needs_more_than_one_alone(trials, is_chance):
    found = find(classes(), [metrics(0.3, 0.3)], trials=trials)
    assert any(caveat.is_chance for caveat in found) == is_chance


def test_the_best_of_many_trials_that_guess_seldom_seems_to_know_something():
    """The bound holds for the best of 20 trials in about 95 % of sweeps of guesses."""
    values = np.random.default_rng(0).binomial(400, 0.25, size=(2000, 20)).max(axis=1) / 400
    passed = (values > classes().luck("val/macro_accuracy", 20)).mean()
    assert 0.01 < passed < 0.08


def test_the_majority_class_is_a_caveat_of_its_own_and_no_proof_of_ignorance():
    """A trial that treats all classes alike may have fewer right than the largest class has images."""
    long_tail = {"a": 300, "b": 50, "c": 30, "d": 20}
    [caveat] = find(
        classes(long_tail, long_tail), [metrics(0.6, 0.7)], goals=("val/accuracy", "val/macro_accuracy")
    )
    assert "a val/accuracy of 0.7500, the best of the one finalist 0.6000" in caveat.words
    assert not caveat.is_chance


def test_always_the_largest_class_is_chance_however_accurate():
    long_tail = {"a": 300, "b": 50, "c": 30, "d": 20}
    assert find(classes(long_tail, long_tail), [metrics(0.75, 0.25)])[0].is_chance


def test_the_majority_is_that_of_training_as_nobody_knows_that_of_validation():
    of = classes({"a": 60, "b": 40}, {"a": 100, "b": 300})
    assert of.largest == "a"
    assert of.chance("val/accuracy") == 0.25


def test_classes_that_are_never_predicted_are_named():
    [caveat] = find(classes(), [metrics(0.5, 0.5)], unpredicted=["c", "d"], best="0003")
    assert caveat.words == "Trial 0003 never predicts 2 of the 4 classes of validation: c, d."


def tail(goals, trained=None, validated=None):
    long_tail = {"a": 1000, "b": 300, "c": 100}
    of = classes(trained or long_tail, validated or long_tail, {})
    return [caveat.words for caveat in find(of, [], goals=goals)]


def test_on_a_long_tail_a_metric_that_large_classes_decide_is_said():
    [words] = tail(["val/accuracy"])
    assert "1,000 images and the smallest 100" in words
    assert "search.metric=val/macro_accuracy" in words


@pytest.mark.parametrize(
    "case",
    [
        {"goals": ["val/macro_accuracy"]},
        {"goals": ["val/accuracy", "val/macro_accuracy"]},
        {"goals": ["val/accuracy"], "trained": {"a": 900, "b": 300, "c": 100}},
        {"goals": ["val/accuracy"], "validated": {"a": 50, "b": 50, "c": 50}},
    ],
)
def test_no_tail_an_even_validation_or_a_macro_goal_is_not(case):
    assert tail(**case) == []


def test_a_class_without_a_validation_image_is_part_of_the_tail():
    assert len(tail(["val/accuracy"], validated={"a": 5, "b": 4})) == 1


def test_without_known_sample_sizes_nothing_is_judged():
    assert find(classes(samples={}), [metrics(0.25, 0.25)]) == []


def test_luck_reaches_no_more_than_every_image():
    few = Classes({"a": 5, "b": 5}, {"a": 2, "b": 2}, {"val/accuracy": 4.0, "val/macro_accuracy": 4.0})
    assert few.luck("val/macro_accuracy", trials=20) == 1.0
