"""WarningSigns that a trial goes wrong: results and times as a sweep brings them."""

import math
import random

import pytest

from platform.tuning.watching.warning_signs import WarningSigns


@pytest.fixture
def signs():
    return WarningSigns("val/accuracy", "max")


def epochs(signs, number, accuracies, fits, entropies=None, start=0.0):
    said = []
    for place, (accuracy, fit) in enumerate(zip(accuracies, fits, strict=True)):
        result = {"epoch": place + 1, signs.metric: accuracy, "train/memorisation": fit, "time/epoch_s": 2.0}
        if entropies:
            result["train/prediction_entropy"] = entropies[place]
        said += signs.of_result(number, result, start + 2.0 * place)
    return said


def test_a_trial_that_collapses_is_named_once(signs):
    said = epochs(signs, 3, [0.5, 0.4, 0.1, 0.1, 0.1], [0.5, 0.4, 0.1, 0.1, 0.1], [0.9, 0.4, 0.04, 0.01, 0.0])
    assert said == ["trial 0003 has collapsed to one class: train/prediction_entropy 0.010 in epoch 4"]


def test_a_network_that_begins_with_one_class_has_not_collapsed(signs):
    assert epochs(signs, 3, [0.1, 0.3, 0.5], [0.1, 0.2, 0.3], [0.01, 0.6, 0.9]) == []


def test_a_trial_that_memorises_is_named_once(signs):
    accuracies = [0.5, 0.6, 0.7, 0.7, 0.7, *(0.7 - 0.03 * step for step in range(1, 9))]
    said = epochs(signs, 1, accuracies, [0.4 + 0.04 * epoch for epoch in range(13)])
    assert said == [
        "trial 0001 memorises: since epoch 5 val/accuracy went from 0.7000 to 0.5800 and train/memorisation "
        "from 0.52 to 0.72 (means of 3 epochs)"
    ]


def test_of_a_loss_a_rise_is_the_fall():
    signs = WarningSigns("val/loss", "min")
    losses = [1.0, 0.9, 0.8, 0.8, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1]
    said = epochs(signs, 1, losses, [0.4 + 0.04 * epoch for epoch in range(11)])
    assert len(said) == 1 and "val/loss went from 0.8000 to " in said[0]


def test_noise_about_a_level_is_hardly_ever_called_memorising():
    named = 0
    for seed in range(100):
        noise = random.Random(seed)
        level = [0.8 * (1 - math.exp(-epoch / 3)) + noise.gauss(0, 0.02) for epoch in range(1, 51)]
        signs = WarningSigns("val/accuracy", "max")
        named += bool(epochs(signs, 0, level, [epoch / 50 for epoch in range(50)]))
    assert named <= 5


def test_a_trial_that_forgets_its_training_labels_too_does_not_memorise(signs):
    falling = [0.7 - 0.03 * step for step in range(12)]
    assert epochs(signs, 1, falling, falling) == []


def test_a_trial_without_news_while_others_go_on_starves(signs):
    epochs(signs, 0, [0.5, 0.6], [0.5, 0.6])
    assert signs.of_time(90.0) == [], "nobody went on"
    epochs(signs, 1, [0.5], [0.5], start=80.0)
    assert signs.of_time(60.0) == [], "a minute is not over"
    said = ["trial 0000 is starving: no progress for 1 min 28 s, its epochs take 2.0 s; 1 other went on"]
    assert signs.of_time(90.0) == said
    assert signs.of_time(99.0) == []


def test_a_trial_of_long_epochs_is_given_its_time(signs):
    signs.of_result(0, {"epoch": 1, "time/epoch_s": 60.0}, 0.0)
    epochs(signs, 1, [0.5], [0.5], start=400.0)
    assert signs.of_time(500.0) == []
    assert len(signs.of_time(601.0)) == 1


def test_a_trial_that_goes_on_within_its_epoch_does_not_starve(signs):
    epochs(signs, 0, [0.5, 0.6], [0.5, 0.6])
    epochs(signs, 1, [0.5], [0.5], start=80.0)
    signs.alive(0, 85.0)
    assert signs.of_time(99.0) == []


def test_the_time_in_which_a_trial_starts_is_not_called_starving(signs):
    epochs(signs, 1, [0.5], [0.5])
    signs.started(0, 0.0)
    epochs(signs, 1, [0.5], [0.5], start=80.0)
    waits = "does not train yet: it has waited 1 min 30 s for its networks and their weights"
    assert signs.of_time(90.0) == [f"trial 0000 {waits}"]


def test_a_trial_that_finds_no_room_waits_and_one_that_ended_does_not(signs):
    signs.waiting(4, 0.0)
    signs.waiting(5, 0.0)
    signs.waiting(4, 50.0)
    signs.ended(5)
    waits = "does not train yet: it has waited 1 min 1 s for room and for its process"
    assert signs.of_time(61.0) == [f"trial 0004 {waits}"]
    signs.started(4, 62.0)
    assert signs.of_time(300.0) == []
