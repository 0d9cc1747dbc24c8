import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.manifest import make_manifest

CLASSES = ("a", "b", "c", "d")


def table(counts=(120, 100, 100, 110), **columns):
    labels = np.repeat(CLASSES[: len(counts)], counts)
    paths = [f"{label}/{number:04d}.png" for number, label in enumerate(labels)]
    return pd.DataFrame({"path": paths, "label": labels, "split": "train", **columns})


def manifest_of(rows, test_share_of_reader=0.0, **fields):
    return make_manifest(rows, DataConfig.model_validate_json(json.dumps(fields)), test_share_of_reader)


def counts(manifest, split, column="label"):
    return Counter(manifest[column][manifest["split"] == split])


def test_without_settings_only_a_val_split_is_held_out():
    result = manifest_of(table(), val_share=0.2)
    assert result.classes == CLASSES
    assert counts(result.table, "val") == {0: 24, 1: 20, 2: 20, 3: 22}
    assert counts(result.table, "train") == {0: 96, 1: 80, 2: 80, 3: 88}
    assert (result.table["clean"] == -1).all()
    assert result.table["label"].map(dict(enumerate(CLASSES))).tolist() == table()["label"].tolist()


def test_small_classes_keep_one_row_and_give_one():
    result = manifest_of(table((40, 3, 2, 1)), val_share=0.1)
    assert counts(result.table, "val") == {0: 4, 1: 1, 2: 1}
    assert counts(result.table, "train") == {0: 36, 1: 2, 2: 1, 3: 1}
    result = manifest_of(table((40, 3, 2, 1)), val_share=0.9)
    assert counts(result.table, "train") == {0: 4, 1: 1, 2: 1, 3: 1}


def test_the_test_split_is_balanced_clean_and_the_same_for_every_seed():
    noise = {"kind": "symmetric", "rate": 0.5}
    results = [manifest_of(table(), test_share=0.25, imbalance=10, noise=noise, seed=seed) for seed in (0, 1)]
    paths = [set(result.table["path"][result.table["split"] == "test"]) for result in results]
    assert paths[0] == paths[1]
    test = results[0].table[results[0].table["split"] == "test"]
    assert Counter(test["label"]) == {0: 30, 1: 25, 2: 25, 3: 28}
    assert (test["label"] == test["clean"]).all()


def test_a_reader_can_ask_for_a_test_split_and_the_yaml_can_refuse():
    assert counts(manifest_of(table(), 0.2).table, "test").total() == 86
    assert counts(manifest_of(table(), 0.2, test_share=0.0).table, "test").total() == 0


def test_a_test_split_is_stratified_by_the_true_labels():
    truth = np.tile(CLASSES, 108)[:430]
    result = manifest_of(table(clean=truth), test_share=0.25)
    assert counts(result.table, "test", "clean") == dict.fromkeys(range(4), 27)


def test_imbalance_is_exponential_over_what_is_trained_and_validated_on():
    result = manifest_of(table((100, 100, 100, 100)), imbalance=10, val_share=0.2)
    held = result.table[result.table["split"] != "test"]
    assert Counter(held["label"]) == {0: 100, 1: 46, 2: 22, 3: 10}
    assert result.table["path"].tolist() == table((100,) * 4)["path"].iloc[result.kept].tolist()


def test_noise_is_in_training_and_validation_and_the_truth_is_kept():
    result = manifest_of(table((100,) * 4), noise={"kind": "symmetric", "rate": 0.4}, val_share=0.25)
    manifest = result.table
    wrong = manifest["label"] != manifest["clean"]
    assert wrong.sum() == 160
    assert 0.25 < wrong[manifest["split"] == "val"].mean() < 0.55
    assert manifest["clean"].tolist() == np.repeat(range(4), 100).tolist()


def test_noise_on_labels_whose_truth_is_known_leaves_the_truth():
    truth = table()["label"].to_numpy().copy()
    truth[:50] = "d"
    truth[50] = ""
    result = manifest_of(table(clean=truth), noise={"kind": "symmetric", "rate": 0.1})
    assert result.table["clean"].tolist() == [3] * 50 + [-1] + [0] * 69 + [1] * 100 + [2] * 100 + [3] * 110


def test_noise_from_a_column_becomes_the_given_label():
    noisy = np.roll(table()["label"].to_numpy(), 30)
    result = manifest_of(table(noisy=noisy), noise={"kind": "column", "column": "x"}, imbalance=4)
    names = np.array(CLASSES)
    assert names[result.table["label"]].tolist() == noisy[result.kept].tolist()
    assert names[result.table["clean"]].tolist() == table()["label"].iloc[result.kept].tolist()


def test_splits_of_the_source_are_left_as_they_are():
    rows = table()
    rows.loc[rows.index[::4], "split"] = "val"
    rows.loc[rows.index[1::4], "split"] = "test"
    noise = {"kind": "symmetric", "rate": 1.0}
    result = manifest_of(rows, noise=noise, imbalance=5)
    for split in ("val", "test"):
        held = result.table[result.table["split"] == split]
        assert held["path"].tolist() == rows["path"][rows["split"] == split].tolist()
        assert (held["label"] == held["clean"]).all()
    train = result.table[result.table["split"] == "train"]
    assert (train["label"] != train["clean"]).all()


@pytest.mark.parametrize(
    "fields",
    [{"noise": {"kind": "symmetric", "rate": 0.4}}, {"imbalance": 5}, {"val_share": 0.3}],
)
def test_the_seed_decides_everything(fields):
    first, again = manifest_of(table(), seed=3, **fields), manifest_of(table(), seed=3, **fields)
    other = manifest_of(table(), seed=4, **fields)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert not first.table.equals(other.table)


def test_one_setting_does_not_change_what_another_draws():
    plain = manifest_of(table()).table
    noisy = manifest_of(table(), noise={"kind": "symmetric", "rate": 0.0}).table
    assert plain["split"].tolist() == noisy["split"].tolist()


def test_classes_are_sorted_as_numbers_where_they_are():
    rows = table((5, 5, 5)).assign(label=np.repeat(["10", "9", "0"], 5))
    assert manifest_of(rows).classes == ("0", "9", "10")
    assert manifest_of(rows.assign(label=np.repeat(["10", "9", "x"], 5))).classes == ("10", "9", "x")


def test_a_class_that_only_the_truth_names_is_a_class():
    rows = table((5, 5)).assign(clean=["a"] * 5 + ["z"] * 5)
    result = manifest_of(rows)
    assert result.classes == ("a", "b", "z")
    assert result.table["clean"].tolist() == [0] * 5 + [2] * 5


@pytest.mark.parametrize("kind", ["symmetric", "patterned"])
def test_what_was_spoilt_is_counted(kind):
    on_purpose = {"source": "photos", "imbalance_on_purpose": True}
    noise = {"kind": kind, "rate": 0.5, "on_purpose": True}
    rows = table((100, 100, 100, 100))
    result = manifest_of(rows, imbalance=10, noise=noise, **on_purpose)
    left = len(result.table)
    assert (result.injected.left_out, result.injected.images) == (400 - left, 400)
    assert (result.injected.replaced, result.injected.labels) == (int(left * 0.5 + 0.5), left)
    config = DataConfig.model_validate({"imbalance": 10, "noise": noise, **on_purpose})
    imbalance, labels = result.injected.lines(config)
    assert f"leaves out {400 - left} of 400 training images" in imbalance
    assert f"data.noise {kind} makes" in labels and f"of {left} training labels wrong" in labels


def test_labels_before_noise_are_true_only_if_somebody_says_so():
    noise = {"kind": "symmetric", "rate": 0.5, "on_purpose": True}
    assert (manifest_of(table(), source="photos", noise=noise).table["clean"] == -1).all()
    assert (manifest_of(table(), source="digits", noise=noise).table["clean"] != -1).all()
