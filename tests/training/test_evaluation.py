import math
from dataclasses import replace

import numpy as np
import pytest

from platform.training.evaluation import classification_metrics, validation_metrics

CLASSES = ("a", "b", "c", "d")


def random_probabilities(samples, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(len(CLASSES), 0.5), samples).astype(np.float32)


def one_by_one(probabilities, labels):
    """The same numbers with plain loops."""
    samples = len(labels)
    right = [
        max(range(len(row)), key=lambda c: row[c]) == label
        for row, label in zip(probabilities, labels, strict=True)
    ]
    by_class = {}
    for is_right, label in zip(right, labels, strict=True):
        by_class.setdefault(label, []).append(is_right)
    bins = {}
    for row, is_right in zip(probabilities, right, strict=True):
        bins.setdefault(min(int(max(row) * 15), 14), []).append((max(row), is_right))
    gaps = [abs(sum(p for p, _ in each) - sum(r for _, r in each)) for each in bins.values()]
    return {
        "accuracy": sum(right) / samples,
        "macro_accuracy": sum(sum(each) / len(each) for each in by_class.values()) / len(by_class),
        "loss": -sum(math.log(row[label]) for row, label in zip(probabilities, labels, strict=True))
        / samples,
        "ece": sum(gaps) / samples,
    }


@pytest.mark.parametrize("labels", [[0, 1, 2, 3] * 10, [0] * 30 + [1] * 9 + [3], [2] * 40])
def test_metrics_equal_plain_loops(labels):
    probabilities = random_probabilities(40)
    found = classification_metrics(probabilities, np.array(labels), CLASSES)
    assert found == pytest.approx(one_by_one(probabilities.tolist(), labels), rel=1e-5)


def test_one_sure_and_wrong_sample_is_finite():
    found = classification_metrics(np.array([[0, 0, 0, 1]], dtype=np.float32), np.array([0]), CLASSES)
    assert found == pytest.approx({"accuracy": 0, "macro_accuracy": 0, "loss": 87.34, "ece": 1}, abs=0.01)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((3, 4)), [0, 1], r"\(2, 4\), got \(3, 4\)"),
        (np.ones((2, 3)), [0, 1], r"\(2, 4\), got \(2, 3\)"),
        (np.ones((0, 4)), [], r"got \(0, 4\)"),
        (np.ones((2, 4)), [0, 4], "labels must be 0 to 3, got 0 to 4"),
        (np.ones((2, 4)), [-1, 2], "labels must be 0 to 3, got -1 to 2"),
        (np.full((1, 4), np.nan), [1], "finite"),
    ],
)
def test_what_does_not_fit_is_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_metrics(probabilities.astype(np.float32), np.array(labels, dtype=np.int64), CLASSES)


@pytest.fixture
def all_right(digits):
    """Given labels that are the clean ones."""
    return replace(digits, manifest=digits.manifest.assign(label=digits.manifest["clean"]))


@pytest.fixture
def with_some_wrong(all_right):
    """Ten wrong ones among the forty validation labels."""
    manifest = all_right.manifest.copy()
    wrong = all_right.rows("val")[:10]
    manifest.loc[wrong, "label"] = (manifest.loc[wrong, "clean"] + 1) % 10
    return replace(all_right, manifest=manifest)


@pytest.mark.parametrize(("val_label", "own", "other"), [("given", 0.75, "clean"), ("clean", 1.0, "given")])
def test_val_label_chooses_the_labels(with_some_wrong, val_label, own, other):
    data = replace(with_some_wrong, val_label=val_label)
    truth = np.eye(10, dtype=np.float32)[data.clean("val")]
    metrics = validation_metrics(truth[None], data)
    assert metrics["val/accuracy"] == own
    assert metrics[f"val/{other}_accuracy"] == 1.75 - own
    assert f"val/{val_label}_accuracy" not in metrics
    assert "val/accuracy_network_1" not in metrics


def test_the_mean_of_the_networks_is_evaluated(all_right):
    labels = all_right.given("val")
    right = np.eye(10, dtype=np.float32)[labels]
    wrong = 0.6 * np.eye(10, dtype=np.float32)[(labels + 1) % 10] + 0.04
    metrics = validation_metrics(np.stack([right, wrong]), all_right)
    assert metrics["val/accuracy"] == 1
    assert (metrics["val/accuracy_network_1"], metrics["val/accuracy_network_2"]) == (1, 0)
    assert "val/clean_accuracy" not in metrics, "the labels of this split are the clean ones"
