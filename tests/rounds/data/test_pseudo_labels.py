"""Pseudo-labels go to images without a label, are renewed each round, and never carry a test label along."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.cleaning.manifest_table import as_given
from platform.rounds.data.pseudo_labels import images_without_label, pseudo_labelled, without_test
from platform.rounds.plan.rounds_config import PseudoLabelConfig


@pytest.fixture
def rows():
    table = pd.DataFrame(
        {
            "path": ["a", "b", "c", "t", "v"],
            "label": ["1", None, "2", "1", "2"],
            "clean": ["1", "2", "2", "1", "2"],
            "split": ["train", "train", "train", "test", "val"],
            "camera": -1,
            "role": "",
        }
    )
    made = as_given(table)
    made.loc[2, ["label", "action", "reason"]] = [None, "unlabel", "wrong_label: p 0.9"]
    return made


def labels_of(rows):
    """None where there is none, whatever pandas holds there."""
    return {
        path: None if pd.isna(label) else label
        for path, label in zip(rows["path"], rows["label"], strict=True)
    }


def test_only_images_without_a_label_are_asked_for(rows):
    assert images_without_label(rows, PseudoLabelConfig()) == ["b", "c"]
    assert images_without_label(rows, PseudoLabelConfig(unlabelled=False, test=True)) == ["t"]


def test_a_labelled_image_keeps_its_label_and_validation_stays(rows):
    found = pseudo_labelled(rows, dict.fromkeys(rows["path"], ("9", 0.99)), 3)
    assert labels_of(found) == {"a": "1", "b": "9", "c": "9", "t": "1", "v": "2"}
    assert found["action"].tolist() == ["keep", "relabel", "relabel", "keep", "keep"]
    assert found["round"].tolist() == [0, 3, 3, 0, 0]
    assert found["score"].tolist() == [0, 0.99, 0.99, 0, 0]


def test_a_pseudo_label_is_renewed_or_lost(rows):
    first = pseudo_labelled(rows, {"b": ("9", 0.99), "c": ("9", 0.99)}, 1)
    again = pseudo_labelled(first, {"b": ("8", 0.98)}, 2)
    assert labels_of(again) == {"a": "1", "b": "8", "c": None, "t": "1", "v": "2"}
    assert dict(zip(again["path"], again["action"], strict=True))["c"] == "unlabel"
    assert again["round"].tolist() == [0, 2, 2, 0, 0]


def test_test_images_become_training_images_without_their_labels(rows):
    found = without_test(rows)
    is_it = found["path"] == "t"
    assert found["split"][is_it].tolist() == ["train"]
    assert found.loc[is_it, ["label", "given"]].isna().to_numpy().all()
    assert labels_of(pseudo_labelled(found, {"t": ("7", 0.96)}, 1))["t"] == "7"
    assert found["split"].tolist() == ["train"] * 4 + ["val"]


def test_images_of_a_folder_are_appended_with_absolute_paths(rows, tmp_path):
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "new.png")
    config = PseudoLabelConfig(unlabelled=False, folder=str(tmp_path))
    assert images_without_label(rows, config) == [str(tmp_path / "new.png")]
    found = pseudo_labelled(rows, {str(tmp_path / "new.png"): ("1", 0.97)}, 1)
    new = found[found["path"] == str(tmp_path / "new.png")].iloc[0]
    assert (new["label"], new["split"], new["action"], new["weight"]) == ("1", "train", "relabel", 1.0)
    assert pd.isna(new["given"]) and pd.isna(new["clean"])
    assert found.dtypes.to_dict() == rows.dtypes.to_dict()
