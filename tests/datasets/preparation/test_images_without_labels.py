"""Training images without a label: which are allowed, and what ignores them."""

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.listing import list_images
from platform.datasets.preparation.manifest import make_manifest
from platform.datasets.preparation.prepare import inspect, prepare
from platform.datasets.preview.preview import NO_LABEL, choose_samples, class_names

NAMES = ("a", "b", "c")


def config_of(**fields):
    return DataConfig.model_validate_json(json.dumps(fields))


def table(**columns):
    """60, 50 and 40 images of three classes, and 30 without a label among them."""
    labels = np.random.default_rng(0).permutation(np.repeat([*NAMES, ""], (60, 50, 40, 30)))
    rows = pd.DataFrame({"path": [f"{number:04d}.png" for number in range(180)], "label": labels})
    return rows.assign(**({"split": "train"} | columns))


def manifest_of(rows, test_share=0.0, **fields):
    return make_manifest(rows, config_of(unlabelled="use", **fields), test_share)


@pytest.fixture
def listed(tmp_path, save_image):
    """``listed("path,label\\n…")`` writes a table beside six images, ``0.png`` to ``5.png``."""
    for number in range(6):
        save_image(tmp_path / f"{number}.png", seed=number)

    def write(text):
        (tmp_path / "labels.csv").write_text(text)
        return str(tmp_path / "labels.csv")

    return write


SIX = "path,label\n0.png,a\n1.png,b\n2.png,a\n3.png,b\n4.png,\n5.png,\n"
SPLIT = (
    "path,label,split\n0.png,a,train\n1.png,b,train\n2.png,,train\n3.png,b,train\n4.png,a,{}\n5.png,{},{}\n"
)


@pytest.mark.parametrize(
    ("unlabelled", "paths"), [("use", ["4.png", "5.png"]), ("leave_out", [])], ids=["use", "leave out"]
)
def test_rows_without_a_label_are_used_or_left_out(listed, unlabelled, paths):
    config = config_of(source=listed(SIX), unlabelled=unlabelled, val_share=0.5)
    data, summary = prepare(config, 8), inspect(config)
    assert data.unlabelled == summary.unlabelled == len(paths)
    without = data.manifest[data.manifest["label"] == -1]
    assert without["path"].tolist() == paths
    assert (without["split"] == "train").all()
    assert data.classes == summary.classes == ("a", "b")
    assert summary.rows == {split: len(data.rows(split)) for split in ("train", "val")}
    assert data.class_counts().tolist() == [1, 1]
    assert data.manifest_frame()["label"].isna().sum() == len(paths)


@pytest.mark.parametrize("split", ["val", "test"])
def test_images_of_val_and_test_need_a_label_whatever_is_set(listed, split):
    source = listed(SPLIT.format(split, "", split))
    for unlabelled in ("refuse", "leave_out", "use"):
        with pytest.raises(
            DataError, match=r"1 image has no label \(5.png\); images of val and test need a label"
        ):
            inspect(config_of(source=source, unlabelled=unlabelled))


def test_without_the_setting_they_are_refused(listed):
    with pytest.raises(DataError, match=r"2 images have no label \(4.png, 5.png\); set data.unlabelled to"):
        inspect(config_of(source=listed(SIX)))


def test_two_classes_must_have_labels(listed):
    source = listed("path,label\n0.png,\n1.png,\n2.png,\n3.png,\n4.png,\n5.png,\n")
    with pytest.raises(DataError, match="has no label for any training image"):
        inspect(config_of(source=source, unlabelled="use"))
    with pytest.raises(DataError, match="lists no training images"):
        inspect(config_of(source=source, unlabelled="leave_out"))
    with pytest.raises(DataError, match=r"holds one class only \('a'\)"):
        inspect(config_of(source=listed("path,label\n0.png,a\n1.png,a\n2.png,\n"), unlabelled="use"))


def test_a_folder_beside_the_classes_may_hold_them(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3, "dog": 3, "web": 4})
    data = prepare(config_of(source=str(tmp_path), unlabelled="use", unlabelled_folder="web"), 8)
    assert data.classes == ("cat", "dog")
    assert set(data.manifest["path"][data.manifest["label"] == -1]) == {f"web/00{n}.png" for n in range(4)}
    left = prepare(config_of(source=str(tmp_path), unlabelled="leave_out", unlabelled_folder="web"), 8)
    assert (data.unlabelled, left.unlabelled, len(left.manifest)) == (4, 0, 6)


def test_below_splits_the_folder_is_one_of_train(tmp_path, make_classes):
    for split in ("train", "val"):
        make_classes(tmp_path / split, {"cat": 2, "dog": 2})
    make_classes(tmp_path / "train", {"web": 2})
    config = config_of(source=str(tmp_path), unlabelled="use", unlabelled_folder="web")
    assert inspect(config).unlabelled == 2
    make_classes(tmp_path / "val", {"web": 1})
    with pytest.raises(DataError, match=r"\(val/web/000.png\); images of val and test need a label"):
        inspect(config)


def test_a_folder_that_is_not_there_is_an_error(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 1, "dog": 1, "web": 1})
    with pytest.raises(DataError, match=r"no images in a folder 'wep'; did you mean 'web'"):
        inspect(config_of(source=str(tmp_path), unlabelled="use", unlabelled_folder="wep"))
    with pytest.raises(DataError, match=r"data.unlabelled_folder: digits is read by digits"):
        inspect(config_of(source="digits", unlabelled="use", unlabelled_folder="web"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unlabelled_folder": "web"}, "needs data.unlabelled: leave_out or use"),
        ({"source": "figures", "identities": {}, "unlabelled": "use"}, "must be refuse with data.identities"),
    ],
)
def test_settings_that_do_not_fit_together(fields, message):
    with pytest.raises(ValidationError, match=message):
        config_of(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"imbalance": 4},
        {"noise": {"kind": "symmetric", "rate": 0.5}},
        {"noise": {"kind": "asymmetric", "rate": 1, "class_map": {"a": "b"}}},
        {"imbalance": 3, "noise": {"kind": "symmetric", "rate": 0.4}, "test_share": 0.2, "val_share": 0.3},
    ],
    ids=lambda fields: ", ".join(fields) or "nothing",
)
def test_the_labelled_images_are_split_as_if_there_were_no_others(fields):
    rows = table()
    manifest = manifest_of(rows, **fields).table
    alone = manifest_of(rows[rows["label"] != ""].reset_index(drop=True), **fields).table
    without = manifest[manifest["label"] == -1]
    assert without["path"].tolist() == rows["path"][rows["label"] == ""].tolist()
    assert (without["split"] == "train").all()
    assert (without["clean"] == -1).all()
    labelled = manifest[manifest["label"] != -1].reset_index(drop=True)
    pd.testing.assert_frame_equal(labelled, alone)


def test_true_labels_of_theirs_are_kept_but_make_no_class():
    rows = table()
    truth = rows["label"].where(rows["label"] != "", np.where(np.arange(180) % 2, "a", "unheard of"))
    result = manifest_of(rows.assign(clean=truth), test_share=0.3)
    assert result.classes == NAMES
    without = result.table[result.table["label"] == -1]
    is_odd = without["path"].str[:4].astype(int) % 2 == 1
    assert without["clean"].tolist() == np.where(is_odd, 0, -1).tolist()
    assert (without["split"] == "train").all()


def test_with_noise_of_a_column_the_noisy_label_is_the_one_that_may_be_missing(tmp_path, save_image):
    paths = [f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        save_image(tmp_path / path, seed=number)
    rows = pd.DataFrame({"path": paths, "label": list("abababab"), "web": [*"abbaba", "", ""]})
    rows.to_csv(tmp_path / "labels.csv", index=False)
    fields = {
        "source": str(tmp_path / "labels.csv"),
        "noise": {"kind": "column", "column": "web"},
        "clean_label": "label",
    }
    data = prepare(config_of(unlabelled="use", **fields), 8)
    assert data.manifest["label"].tolist() == [0, 1, 1, 0, 1, 0, -1, -1]
    assert data.manifest["clean"].tolist() == [0, 1] * 4
    assert (data.unlabelled, data.clean_known("train")) == (2, True)
    with pytest.raises(DataError, match=r"\(6.png, 7.png\); set data.unlabelled to"):
        inspect(config_of(**fields))
    rows.assign(label=["", *"bababab"]).to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(DataError, match=r"\(0.png\); with data.noise.column an image needs a label in both"):
        inspect(config_of(unlabelled="use", **fields))


def test_patterned_noise_looks_at_labelled_pictures_alone(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 10, "dog": 10, "web": 15})
    fields = {"source": str(tmp_path), "unlabelled_folder": "web", "val_share": 0.2, "clean_label": "label"}
    noise = {"kind": "patterned", "rate": 0.3}
    used, left = (
        prepare(config_of(unlabelled=how, noise=noise, **fields), 8).manifest for how in ("use", "leave_out")
    )
    assert (used["label"] == -1).sum() == 15
    pd.testing.assert_frame_equal(used[used["label"] != -1].reset_index(drop=True), left)
    assert (left["label"] != left["clean"]).sum() == 6


def test_true_labels_are_known_where_those_of_the_labelled_images_are(listed):
    noise = {"kind": "symmetric", "rate": 0.0}
    data = prepare(
        config_of(source=listed(SIX), unlabelled="use", val_share=0.5, noise=noise, clean_label="label"), 8
    )
    assert data.clean_known("train")
    assert sorted(data.clean("train").tolist()) == [-1, -1, 0, 1]


def test_reading_depends_on_no_order(listed):
    lines = SIX.splitlines()
    one = list_images(config_of(source=listed(SIX), unlabelled="use"))
    other = list_images(config_of(source=listed("\n".join([lines[0], *lines[:0:-1]])), unlabelled="use"))
    pd.testing.assert_frame_equal(one.rows, other.rows)


@pytest.mark.parametrize("noise", [None, {"kind": "patterned", "rate": 0.0}], ids=["clean", "patterned"])
def test_a_preview_says_what_has_no_label(listed, noise):
    config = config_of(source=listed(SIX), unlabelled="use", val_share=0.5, noise=noise, clean_label="label")
    samples = choose_samples(config, 8, 4)
    assert samples.unlabelled == 2
    assert sorted(class_names(samples)) == [NO_LABEL, NO_LABEL, "a", "b"]
    assert class_names(samples)[:3].count(NO_LABEL) == 1, "they have their turn among the classes"
