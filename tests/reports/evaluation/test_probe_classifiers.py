"""The probe's classifiers on features that are made by hand, and what the report says of them."""

import numpy as np
import pytest

from reports.evaluation import probe_classifiers as module
from reports.evaluation.probe_classifiers import compared_metric, probe
from reports.page.findings_tables import probe_table
from reports.page.sentences import about_probe

CLASSES = 3


def blobs(count, spread, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    centres = np.eye(CLASSES, 5, dtype=np.float32) * 4
    return (centres[labels] + rng.normal(0, spread, (count, 5))).astype(np.float32), labels


def answers(labels, wrong=0):
    """A trial's probabilities whose first ``wrong`` images are misjudged."""
    said = labels.copy()
    said[:wrong] = (said[:wrong] + 1) % CLASSES
    return np.eye(CLASSES, dtype=np.float32)[said]


def found(*, spread=0.3, wrong=0, metric="val/accuracy"):
    learnt, labels = blobs(60, spread)
    asked, asked_labels = blobs(90, spread, seed=1)
    return probe(
        "made features", learnt, labels, asked, asked_labels, ("0003", answers(asked_labels, wrong)), metric
    )


def test_on_separate_classes_every_classifier_is_right():
    easy = found()
    assert len(easy.tried) == 6
    assert {one.value for one in easy.tried} == {1.0}
    assert easy.gain.difference == 0 and not easy.is_beaten


def test_a_trial_that_is_no_better_is_called_not_worth_its_hours():
    worse = found(wrong=30)
    assert not worse.is_beaten
    assert worse.gain.difference == pytest.approx(-30 / 90)
    assert about_probe(worse).startswith("Trial 0003 does not beat the probe (")
    assert about_probe(worse).endswith("not worth its hours.")
    assert probe_table(worse).chosen == {0}


def test_a_trial_that_is_better_beats_it_with_an_interval():
    better = found(spread=6.0)
    assert better.is_beaten and better.gain.low > 0
    assert [one.value for one in better.tried] == sorted((one.value for one in better.tried), reverse=True)
    assert about_probe(better).startswith("Trial 0003 beats the probe (")
    table = probe_table(better)
    assert table.columns[0].values[0] == f"probe: {better.tried[0].name}"
    assert table.columns[0].values[-1] == "best single trial"
    assert table.chosen == {6}


def test_classes_count_the_same_if_the_sweep_ranks_by_macro_accuracy():
    assert compared_metric("val/macro_accuracy") == "val/macro_accuracy"
    assert compared_metric("val/loss") == compared_metric("val/accuracy") == "val/accuracy"
    assert found(metric="val/macro_accuracy", wrong=9).value == pytest.approx(0.9)


def test_without_two_classes_there_is_no_probe():
    learnt, labels = blobs(9, 1.0)
    best = ("0003", answers(labels))
    assert probe("made", learnt, np.zeros_like(labels), learnt, labels, best, "val/accuracy") is None


def test_classes_without_images_and_constant_features_are_no_trouble():
    learnt, labels = blobs(60, 0.3)
    learnt[:, 4] = 7.0
    learnt, labels = learnt[labels != 2], labels[labels != 2]
    asked, asked_labels = blobs(30, 0.3, seed=1)
    some = probe("made", learnt, labels, asked, asked_labels, ("0", answers(asked_labels)), "val/accuracy")
    assert some.tried[0].value == pytest.approx(2 / 3)


def test_what_would_take_too_long_is_left_out_and_said(monkeypatch):
    monkeypatch.setattr(module, "too_much", lambda *_: "too long")
    monkeypatch.setattr(module, "_MOST_ANSWERS", 0)
    some = found()
    assert {one.name for one in some.tried} == {
        "nearest neighbour",
        "5 nearest neighbours",
        "20 nearest neighbours",
    }
    assert "left out" in some.notes[0]
