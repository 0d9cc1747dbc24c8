"""Identities from a table: splits and roles are kept, mistakes reported in one line."""

import pandas as pd
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.prepare import prepare


@pytest.fixture
def table(tmp_path):
    """Three people in train, two each in val and test, seen by two cameras."""
    rows = []
    splits = {
        "ann": "train",
        "bob": "train",
        "cy": "train",
        "dan": "val",
        "eve": "val",
        "fay": "test",
        "gus": "test",
    }
    for number, (name, split) in enumerate(splits.items()):
        for camera in (1, 2):
            path = f"{name}{camera}.png"
            Image.new("RGB", (4, 8), (30 * number, 90 * camera, 9 * number)).save(tmp_path / path)
            role = "" if split == "train" else ("query", "gallery")[camera - 1]
            rows.append({"path": path, "label": name, "camera": camera, "split": split, "role": role})
    return pd.DataFrame(rows)


def prepared(table, tmp_path, **fields):
    table.to_csv(tmp_path / "people.csv", index=False)
    config = {"source": str(tmp_path / "people.csv"), "identities": {}} | fields
    return prepare(DataConfig.model_validate(config), (8, 4))


def test_splits_and_roles_are_the_tables(table, tmp_path):
    data = prepared(table, tmp_path)
    assert data.classes == ("ann", "bob", "cy")
    assert data.held_out == ("dan", "eve", "fay", "gus")
    for split in ("val", "test"):
        assert data.cameras(split).tolist() == [1, 2, 1, 2]
        assert data.is_role(split, "query").tolist() == [True, False, True, False]


def test_without_splits_identities_are_held_out(table, tmp_path):
    data = prepared(table[["path", "label", "camera"]], tmp_path)
    assert len(data.classes) == 5 and len(data.held_out) == 2
    assert set(data.splits) == {"train", "val"}


def test_a_camera_may_be_unknown_and_a_true_identity_known(table, tmp_path):
    table["camera"] = table["camera"].astype(object).mask(table["label"] == "ann", None)
    table["clean"] = table["label"].mask(table["path"] == "bob1.png", "cy")
    data = prepared(table, tmp_path, clean_label="clean")
    assert data.cameras("train").tolist() == [-1, -1, 1, 2, 1, 2]
    assert data.clean("train").tolist() == [0, 0, 2, 1, 2, 2]
    assert data.given("train").tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="camera"), "has no column 'camera'; it has path"),
        (lambda rows: rows.replace({"camera": {2: "left"}}), "cameras must be whole numbers"),
        (
            lambda rows: rows.replace({"role": {"query": ""}}),
            "the role must be query or gallery for images in val",
        ),
        (lambda rows: rows.replace({"split": {"test": "train"}}), "fay1.png, in train, has 'query'"),
        (lambda rows: rows.replace({"label": {"eve": "ann"}}), "both in train and in query or gallery: ann"),
        (
            lambda rows: rows.assign(camera=rows["camera"].mask(rows["split"] == "val", 1)),
            "none of 2 queries has an image of its identity by another camera",
        ),
    ],
)
def test_what_is_wrong_is_one_line(change, message, table, tmp_path):
    with pytest.raises(DataError) as refused:
        prepared(change(table), tmp_path)
    assert message in str(refused.value) and "\n" not in str(refused.value)
