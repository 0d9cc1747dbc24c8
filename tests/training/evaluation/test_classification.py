import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from platform.training.evaluation.classification import (
    classification_metrics,
    shot_accuracies,
    validation_metrics,
)

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


@pytest.mark.parametrize("samples", [1, 7, 1000])
def test_calibration_error_is_the_one_of_torchmetrics(samples):
    from torchmetrics.functional.classification import multiclass_calibration_error

    probabilities = random_probabilities(samples)
    labels = np.random.default_rng(1).integers(len(CLASSES), size=samples)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=len(CLASSES), n_bins=15
    )
    found = classification_metrics(probabilities, labels, CLASSES)["ece"]
    assert found == pytest.approx(expected.item(), abs=1e-6)


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
def all_right(noisy_digits):
    """Given labels that are the clean ones."""
    return replace(noisy_digits, manifest=noisy_digits.manifest.assign(label=noisy_digits.manifest["clean"]))


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


# Right in classes a and b at rates 1/2 and 1, wrong in c, right in d.
SHOT_LABELS = np.array([0, 0, 1, 1, 1, 1, 2, 3])
SHOT_PREDICTIONS = np.array([0, 3, 1, 1, 1, 1, 0, 3])


@pytest.mark.parametrize(
    ("class_counts", "expected"),
    [
        pytest.param([101, 500, 20, 19], {"many_shot": 0.75, "medium_shot": 0, "few_shot": 1}, id="all"),
        pytest.param([100, 20, 50, 0], {"medium_shot": 0.5, "few_shot": 1}, id="the ends are medium"),
        pytest.param([0, 1, 2, 3], {"few_shot": 0.625}, id="one group"),
    ],
)
def test_shot_accuracies_are_means_over_the_classes_of_a_group(class_counts, expected):
    probabilities = np.eye(4, dtype=np.float32)[SHOT_PREDICTIONS]
    found = shot_accuracies(probabilities, SHOT_LABELS, np.array(class_counts), (100, 20))
    assert found == expected


def test_a_group_without_samples_has_no_accuracy():
    """Class d, the only one with few training images, is not among the samples."""
    probabilities = np.eye(4, dtype=np.float32)[SHOT_PREDICTIONS[:-1]]
    found = shot_accuracies(probabilities, SHOT_LABELS[:-1], np.array([101, 500, 20, 19]), (100, 20))
    assert found == {"many_shot": 0.75, "medium_shot": 0}


def test_the_data_say_what_many_and_few_are(all_right):
    labels = all_right.given("val")
    counts = all_right.class_counts().numpy()
    few = int(np.sort(counts)[3])
    many = int(np.sort(counts)[-2])
    assert few < many < counts.max()
    right_in_the_most_common = np.eye(10, dtype=np.float32)[np.where(counts[labels] > many, labels, 0)]
    data = replace(all_right, shots=(many, few))
    metrics = validation_metrics(right_in_the_most_common[None], data)
    others = {label for label in labels if few <= counts[label] <= many}
    assert metrics["val/many_shot"] == 1
    assert metrics["val/medium_shot"] == pytest.approx((0 in others) / len(others))
    assert "val/few_shot" in metrics


def test_disagreement_is_the_share_on_which_networks_differ(all_right):
    labels = all_right.given("val")
    one = np.eye(10, dtype=np.float32)[labels]
    other = np.eye(10, dtype=np.float32)[np.where(np.arange(len(labels)) < 10, (labels + 1) % 10, labels)]
    assert validation_metrics(np.stack([one, other]), all_right)["val/disagreement"] == 10 / len(labels)
    assert validation_metrics(np.stack([one, 0.5 * one + 0.05]), all_right)["val/disagreement"] == 0
    assert "val/disagreement" not in validation_metrics(one[None], all_right)


def test_other_weights_are_evaluated_beside_those_that_are_ranked(all_right):
    labels = all_right.given("val")
    others = np.random.default_rng(1).dirichlet(np.ones(10), (2, len(labels))).astype(np.float32)
    right = np.eye(10, dtype=np.float32)[labels]
    alone = validation_metrics(right[None], all_right)
    beside = validation_metrics(right[None], all_right, others, "ema")
    expected = classification_metrics(others.mean(0), labels, all_right.classes)
    assert {name: beside[name] for name in alone} == alone
    assert {name: beside[name] for name in beside if name not in alone} == {
        f"val/ema_{name}": value for name, value in expected.items()
    }
