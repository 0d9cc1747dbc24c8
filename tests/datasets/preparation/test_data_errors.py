"""Errors in a user's data are one line: what is wrong, where, and what to do."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.preparation.prepare import inspect, prepare


def refusal(source, **fields):
    """The error that both a plan and a sweep give."""
    config = DataConfig.model_validate_json(json.dumps({"source": str(source), **fields}))
    with pytest.raises(DataError) as planned:
        inspect(config)
    with pytest.raises(DataError) as started:
        prepare(config, 8)
    assert str(planned.value) == str(started.value)
    assert "\n" not in str(planned.value)
    return str(planned.value)


@pytest.fixture
def images(tmp_path, save_image):
    for number in range(4):
        save_image(tmp_path / "images" / f"{number}.png", seed=number)
    return tmp_path


def listed(folder, text, name="labels.csv"):
    (folder / name).write_text(text)
    return folder / name


GOOD = "path,label\nimages/0.png,a\nimages/1.png,b\nimages/2.png,a\nimages/3.png,b\n"


def test_a_folder_that_does_not_exist(tmp_path):
    (tmp_path / "birds").mkdir()
    assert "does not exist" in refusal(tmp_path / "brids")
    assert "did you mean 'birds'" in refusal(tmp_path / "brids")


def test_a_folder_without_images(tmp_path):
    assert "is empty" in refusal(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("x")
    words = refusal(tmp_path)
    assert "no images that a reader recognises" in words
    assert "1 .txt file;" in words
    assert "class_folders" in words
    assert "lists no training images" in refusal(tmp_path, reader="class_folders")


def test_images_that_lie_in_no_class_folder(images):
    assert "holds one class only ('images')" in refusal(images)
    assert "4 .png files" in refusal(images / "images")
    words = refusal(images / "images", reader="class_folders")
    assert "0.png, 1.png, 2.png and 1 more are not in a class's folder" in words


def test_one_class(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3})
    assert "holds one class only ('cat')" in refusal(tmp_path)


def test_splits_beside_other_folders(tmp_path, make_classes):
    for name in ("train", "test", "extra"):
        make_classes(tmp_path / name, {"cat": 1, "dog": 1})
    assert "the splits test, train and beside them images in extra" in refusal(tmp_path)


def test_a_class_that_is_never_trained_on(tmp_path, make_classes):
    make_classes(tmp_path / "train", {"cat": 2, "dog": 2})
    make_classes(tmp_path / "test", {"cat": 1, "dogs": 1})
    words = refusal(tmp_path)
    assert "class 'dogs' is in the test split but has no training image; did you mean 'dog'" in words


def test_columns_that_are_not_there(images):
    file = listed(images, GOOD.replace("label", "lable"))
    assert refusal(file).endswith(
        "labels.csv has no column 'label'; did you mean 'lable'?; it has path, lable"
    )
    assert "data.clean_label" in refusal(listed(images, GOOD), clean_label="truth")
    assert "data.noise.column" in refusal(
        file, clean_label="label", noise={"kind": "column", "column": "worse"}
    )
    assert "has no column 'path'" in refusal(listed(images, "file;label\na;b\n", "other.csv"))


def test_columns_of_a_source_without_any(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 2, "dog": 2})
    assert refusal(tmp_path, label="worse").startswith("data.label: class folders have no columns")
    assert refusal("digits", noise={"kind": "column", "column": "x"}).startswith(
        "data.noise.column: the embedded"
    )
    assert refusal("digits", clean_label="truth").startswith("data.clean_label: the embedded digits")


def test_paths_that_are_not_there(images):
    words = refusal(listed(images, GOOD + "images/8.png,a\nelsewhere/9.png,b\n"))
    assert "2 of 6 listed images are not there: images/8.png, elsewhere/9.png" in words


def test_a_path_listed_twice(images):
    assert "1 path is listed more than once: images/1.png" in refusal(
        listed(images, GOOD + "./images/1.png,a\n")
    )


def test_rows_without_a_label_or_a_path(images):
    words = refusal(listed(images, GOOD.replace("2.png,a", "2.png,")))
    assert "1 image has no label (images/2.png)" in words
    assert "set data.unlabelled to leave_out or use" in words
    assert "1 row has no path" in refusal(listed(images, GOOD + ",a\n"))


def test_an_unknown_split(images):
    text = "path,label,split\nimages/0.png,a,train\nimages/1.png,b,tst\n"
    assert "unknown split 'tst'; did you mean 'test'?; there are train, val, test" in refusal(
        listed(images, text)
    )


def test_tables_that_are_none(images):
    assert "cannot be read as a table" in refusal(listed(images, ""))
    (images / "labels.csv").write_bytes(b"path,label\n\xff\xfe\x00,a\n")
    assert "cannot be read as a table" in refusal(images / "labels.csv")
    assert "cannot be read as a table" in refusal(listed(images, "no parquet", "labels.parquet"))
    assert "lists no training images" in refusal(listed(images, "path,label\n"))


def test_a_table_without_training_rows(images):
    text = "path,label,split\nimages/0.png,a,test\nimages/1.png,b,test\n"
    assert "lists no training images" in refusal(listed(images, text))


def test_what_two_readers_recognise(images, make_classes):
    make_classes(images, {"cat": 2, "dog": 2})
    listed(images, GOOD)
    words = refusal(images)
    assert "can be read as class_folders and as labels_table: choose one with data.reader" in words
    config = DataConfig(source=str(images), reader="labels_table")
    assert inspect(config).classes == ("a", "b")


def test_a_reader_that_does_not_fit(images):
    assert "holds no train_labels.csv" in refusal(images, reader="labels_beside_images")
    listed(images, GOOD, "a.csv")
    listed(images, GOOD, "b.csv")
    assert "found a.csv, b.csv" in refusal(images, reader="labels_table")


def test_noise_and_imbalance_that_do_not_fit():
    noise = {"kind": "asymmetric", "rate": 0.3, "class_map": {"3": "12"}}
    assert "data.noise.class_map: there is no class '12'" in refusal("digits", noise=noise)
    assert refusal("digits", imbalance=1000).startswith("data.imbalance: 1000 would leave")


def test_a_test_share_where_there_is_a_test_split(tmp_path, make_classes):
    for split in ("train", "test"):
        make_classes(tmp_path / split, {"cat": 2, "dog": 2})
    assert "data.test_share: " in refusal(tmp_path, test_share=0.2)


def test_clean_validation_labels_that_are_not_known(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    assert refusal(tmp_path, val_label="clean").startswith("data.val_label:")


def test_nothing_to_hold_out(images):
    text = "path,label\nimages/0.png,a\nimages/1.png,b\n"
    assert "no class of" in refusal(listed(images, text))


def unreadable(folder):
    """A truncated JPEG and a text file named .jpg."""
    whole = folder / "cat" / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    (folder / "cat" / "cut.jpg").write_bytes(whole.read_bytes()[:1500])
    (folder / "dog" / "page.jpg").write_text("<html>404</html>")


def test_too_many_unreadable_images(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 4, "dog": 4})
    unreadable(tmp_path)
    with pytest.raises(DataError) as refused:
        prepare(DataConfig(source=str(tmp_path)), 8)
    words = str(refused.value)
    assert "2 of 11 images (18.2%) cannot be read, more than data.max_bad (1.0%)" in words
    assert "cat/cut.jpg (image file is truncated" in words
    assert "dog/page.jpg (not an image" in words


def test_few_unreadable_images_are_left_out_and_named(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 4, "dog": 4})
    unreadable(tmp_path)
    data = prepare(DataConfig(source=str(tmp_path), max_bad=0.2), 8)
    assert [image.path for image in data.bad] == ["cat/cut.jpg", "dog/page.jpg"]
    assert len(data.manifest) == len(data.images) == 9
    assert "not an image" in data.bad[1].reason


def test_nothing_readable_at_all_is_refused_whatever_is_allowed(tmp_path):
    for path in ("cat/0.jpg", "cat/1.jpg", "dog/0.jpg"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("no image")
    with pytest.raises(DataError, match="3 of 3 images"):
        prepare(DataConfig(source=str(tmp_path), max_bad=1.0), 8)


def test_images_of_one_flat_colour(tmp_path):
    for path in ("cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), "navy").save(tmp_path / path)
    with pytest.raises(DataError, match="one flat colour"):
        prepare(DataConfig(source=str(tmp_path)), 8)


def test_no_column_is_silently_another(images):
    """A table whose label column is missing in training is refused although the true labels are there."""
    pd.DataFrame({"path": ["images/0.png", "images/1.png"], "clean": ["a", "b"]}).to_csv(
        images / "train_labels.csv", index=False
    )
    assert "has no column 'label'; it has path, clean" in refusal(images)


def test_true_labels_that_are_written_otherwise_than_the_given_ones(images):
    text = (
        "path,label,clean\nimages/0.png,0,0.0\nimages/1.png,1,1.0\nimages/2.png,0,0.0\nimages/3.png,1,1.0\n"
    )
    words = refusal(listed(images, text), clean_label="clean")
    assert "data.clean_label: no true label ('0.0' …) is one of the given classes ('0' …)" in words


def test_a_column_clean_is_announced_and_used_only_if_it_is_named(images):
    text = "path,label,clean\n" + "".join(f"images/{n}.png,{'ab'[n % 2]},a\n" for n in range(4))
    file = listed(images, text)
    summary = inspect(DataConfig(source=str(file)))
    (notice,) = summary.remarks.notes
    assert "has a column 'clean', which is not used" in notice and "data.clean_label=clean" in notice
    assert inspect(DataConfig(source=str(file), clean_label="clean")).remarks.notes == ()
