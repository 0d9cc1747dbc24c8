import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from platform.datasets.preparation.manifest import arrange
from platform.datasets.data_config import DataConfig

CLASSES = ("a", "b", "c", "d")


def table(counts=(120, 100, 100, 110), **columns):
    labels = np.repeat(CLASSES[: len(counts)], counts)
    paths = [f"{label}/{number:04d}.png" for number, label in enumerate(labels)]
    return pd.DataFrame({"path": paths, "label": labels, "split": "train", **columns})


def arranged(rows, test_share_of_reader=0.0, **fields):
    return arrange(rows, DataConfig.model_validate_json(json.dumps(fields)), test_share_of_reader)


def counts(manifest, split, column="label"):
    return Counter(manifest[column][manifest["split"] == split])


def test_without_settings_only_a_val_split_is_held_out():
    result = arranged(table(), val_share=0.2)
    assert result.classes == CLASSES
    assert counts(result.manifest, "val") == {0: 24, 1: 20, 2: 20, 3: 22}
    assert counts(result.manifest, "train") == {0: 96, 1: 80, 2: 80, 3: 88}
    assert (result.manifest["clean"] == -1).all()
    assert result.manifest["label"].map(dict(enumerate(CLASSES))).tolist() == table()["label"].tolist()


def test_small_classes_keep_one_row_and_give_one():
    result = arranged(table((40, 3, 2, 1)), val_share=0.1)
    assert counts(result.manifest, "val") == {0: 4, 1: 1, 2: 1}
    assert counts(result.manifest, "train") == {0: 36, 1: 2, 2: 1, 3: 1}
    result = arranged(table((40, 3, 2, 1)), val_share=0.9)
    assert counts(result.manifest, "train") == {0: 4, 1: 1, 2: 1, 3: 1}


def test_the_test_split_is_balanced_clean_and_the_same_for_every_seed():
    noise = {"kind": "symmetric", "rate": 0.5}
    results = [arranged(table(), test_share=0.25, imbalance=10, noise=noise, seed=seed) for seed in (0, 1)]
    paths = [set(result.manifest["path"][result.manifest["split"] == "test"]) for result in results]
    assert paths[0] == paths[1]
    test = results[0].manifest[results[0].manifest["split"] == "test"]
    assert Counter(test["label"]) == {0: 30, 1: 25, 2: 25, 3: 28}
    assert (test["label"] == test["clean"]).all()


def test_a_reader_can_ask_for_a_test_split_and_the_yaml_can_refuse():
    assert counts(arranged(table(), 0.2).manifest, "test").total() == 86
    assert counts(arranged(table(), 0.2, test_share=0.0).manifest, "test").total() == 0


def test_a_test_split_is_stratified_by_the_true_labels():
    truth = np.tile(CLASSES, 108)[:430]
    result = arranged(table(clean=truth), test_share=0.25)
    assert counts(result.manifest, "test", "clean") == dict.fromkeys(range(4), 27)


def test_imbalance_is_exponential_over_what_is_trained_and_validated_on():
    result = arranged(table((100, 100, 100, 100)), imbalance=10, val_share=0.2)
    held = result.manifest[result.manifest["split"] != "test"]
    assert Counter(held["label"]) == {0: 100, 1: 46, 2: 22, 3: 10}
    assert result.manifest["path"].tolist() == table((100,) * 4)["path"].iloc[result.kept].tolist()


def test_noise_is_in_training_and_validation_and_the_truth_is_kept():
    result = arranged(table((100,) * 4), noise={"kind": "symmetric", "rate": 0.4}, val_share=0.25)
    manifest = result.manifest
    wrong = manifest["label"] != manifest["clean"]
    assert wrong.sum() == 160
    assert 0.25 < wrong[manifest["split"] == "val"].mean() < 0.55
    assert manifest["clean"].tolist() == np.repeat(range(4), 100).tolist()


def test_noise_on_labels_whose_truth_is_known_leaves_the_truth():
    truth = table()["label"].to_numpy().copy()
    truth[:50] = "d"
    truth[50] = ""
    result = arranged(table(clean=truth), noise={"kind": "symmetric", "rate": 0.1})
    assert result.manifest["clean"].tolist() == [3] * 50 + [-1] + [0] * 69 + [1] * 100 + [2] * 100 + [3] * 110


def test_noise_from_a_column_becomes_the_given_label():
    noisy = np.roll(table()["label"].to_numpy(), 30)
    result = arranged(table(noisy=noisy), noise={"kind": "column", "column": "x"}, imbalance=4)
    names = np.array(CLASSES)
    assert names[result.manifest["label"]].tolist() == noisy[result.kept].tolist()
    assert names[result.manifest["clean"]].tolist() == table()["label"].iloc[result.kept].tolist()


def test_splits_of_the_source_are_left_as_they_are():
    rows = table()
    rows.loc[rows.index[::4], "split"] = "val"
    rows.loc[rows.index[1::4], "split"] = "test"
    noise = {"kind": "symmetric", "rate": 1.0}
    result = arranged(rows, noise=noise, imbalance=5)
    for split in ("val", "test"):
        held = result.manifest[result.manifest["split"] == split]
        assert held["path"].tolist() == rows["path"][rows["split"] == split].tolist()
        assert (held["label"] == held["clean"]).all()
    train = result.manifest[result.manifest["split"] == "train"]
    assert (train["label"] != train["clean"]).all()


@pytest.mark.parametrize(
    "fields",
    [{"noise": {"kind": "symmetric", "rate": 0.4}}, {"imbalance": 5}, {"val_share": 0.3}],
)
def test_the_seed_decides_everything(fields):
    first, again = arranged(table(), seed=3, **fields), arranged(table(), seed=3, **fields)
    other = arranged(table(), seed=4, **fields)
    pd.testing.assert_frame_equal(first.manifest, again.manifest)
    assert not first.manifest.equals(other.manifest)


def test_one_setting_does_not_change_what_another_draws():
    plain = arranged(table()).manifest
    noisy = arranged(table(), noise={"kind": "symmetric", "rate": 0.0}).manifest
    assert plain["split"].tolist() == noisy["split"].tolist()


def test_classes_are_sorted_as_numbers_where_they_are():
    rows = table((5, 5, 5)).assign(label=np.repeat(["10", "9", "0"], 5))
    assert arranged(rows).classes == ("0", "9", "10")
    assert arranged(rows.assign(label=np.repeat(["10", "9", "x"], 5))).classes == ("10", "9", "x")


def test_a_class_that_only_the_truth_names_is_a_class():
    rows = table((5, 5)).assign(clean=["a"] * 5 + ["z"] * 5)
    result = arranged(rows)
    assert result.classes == ("a", "b", "z")
    assert result.manifest["clean"].tolist() == [0] * 5 + [2] * 5
