"""The best trial class by class, over real data and predictions made up."""

import base64
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.image_size import Size, covering
from platform.datasets.images.image_stores import DenseImages
from platform.datasets.preparation.prepare import prepare
from platform.training.evaluation.classification import classification_metrics
from reports.findings.classes import EXAMPLES, class_findings, reliability
from reports.findings.thumbnails import LONGEST_SIDE, thumbnail
from reports.page.class_figures import class_figures


@pytest.fixture(scope="module")
def data():
    config = DataConfig.model_validate({"source": "digits", "imbalance": 5})
    return prepare(config, covering([Size(16, 16)]))


def sure(labels_N, classes=10, confidence=0.9):
    """Predictions of these classes."""
    probabilities_NC = np.full((len(labels_N), classes), (1 - confidence) / (classes - 1), dtype=np.float32)
    probabilities_NC[np.arange(len(labels_N)), labels_N] = confidence
    return probabilities_NC


def test_a_class_without_a_validation_image_is_there_without_an_accuracy(data, tmp_path):
    manifest = data.manifest.copy()
    manifest.loc[(manifest["split"] == "val") & (manifest["label"] == 4), "split"] = "train"
    without = replace(data, manifest=manifest)
    found = class_findings("0002", sure(without.evaluation_labels("val")), without)
    assert [(one.name, one.images, one.accuracy) for one in found.classes][4] == ("4", 0, None)
    assert len(found.classes) == 10
    found.write(tmp_path)
    assert pd.read_csv(tmp_path / "classes.csv")["accuracy"].isna().tolist() == [n == 4 for n in range(10)]
    by_size, _ = class_figures(found)
    assert "1 of 10 classes have no image there" in by_size.caption


def test_classes_pairs_and_examples_are_those_of_the_mistakes(data):
    labels_N = data.evaluation_labels("val")
    predicted_N = np.where(labels_N == 4, 9, labels_N)
    predicted_N[np.flatnonzero(labels_N == 9)[0]] = 4
    found = class_findings("0002", sure(predicted_N), data)
    accuracies = {one.name: one.accuracy for one in found.classes}
    assert accuracies["4"] == 0
    assert accuracies["1"] == 1
    assert [one.trained for one in found.classes] == data.class_counts().tolist()
    (pair,) = found.confusions
    fours, nines = (int((labels_N == digit).sum()) for digit in (4, 9))
    assert (pair.one, pair.other, pair.as_other, pair.as_one) == ("4", "9", fours, 1)
    assert (pair.mistaken, pair.of) == (fours + 1, fours + nines)
    assert len(pair.pictures) == min(EXAMPLES, fours + 1)
    assert {told for _, told in pair.pictures} <= {"4, predicted as 9", "9, predicted as 4"}


def test_bins_hold_all_images_and_give_the_calibration_error():
    rng = np.random.default_rng(0)
    probabilities_NC = rng.dirichlet([0.3] * 5, 200).astype(np.float32)
    labels_N = rng.integers(0, 5, 200)
    bins = reliability(probabilities_NC, labels_N)
    assert sum(one.images for one in bins) == 200
    ece = sum(one.images * abs(one.confidence - one.accuracy) for one in bins) / 200
    expected = classification_metrics(probabilities_NC, labels_N, list("abcde"))["ece"]
    assert ece == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("side", "kind", "shown"), [(16, "png", (16, 12)), (400, "jpeg", (LONGEST_SIDE, LONGEST_SIDE * 3 // 4))]
)
def test_a_thumbnail_is_small_and_has_the_pictures_aspect(side, kind, shown):
    noise = np.random.default_rng(0).integers(0, 256, (1, side * 3 // 4, side, 3), dtype=np.uint8)
    uri = thumbnail(DenseImages(noise), 0)
    head, _, content = uri.partition(",")
    assert head == f"data:image/{kind};base64"
    assert Image.open(BytesIO(base64.b64decode(content))).size == shown
    assert len(uri) < 12_000
