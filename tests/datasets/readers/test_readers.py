import json

import pandas as pd
import pytest

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images


def listing(source, **fields):
    return list_images(DataConfig.model_validate_json(json.dumps({"source": str(source), **fields})))


def rows(source, **fields):
    """{path: (label, clean, split)}"""
    table = listing(source, **fields).rows
    clean = table["clean"] if "clean" in table else [None] * len(table)
    return dict(zip(table["path"], zip(table["label"], clean, table["split"], strict=True), strict=True))


@pytest.fixture
def images(tmp_path, save_image):
    """Six images in ``images/``, to be listed in tables beside it."""
    for number in range(6):
        save_image(tmp_path / "set" / "images" / f"{number}.png", seed=number)
    return tmp_path / "set"


def table(file, **columns):
    frame = pd.DataFrame(columns)
    frame.to_parquet(file) if file.suffix == ".parquet" else frame.to_csv(file, index=False)
    return file


PATHS = [f"images/{number}.png" for number in range(6)]
LABELS = ["b", "a", "b", "a", "b", "a"]


def test_class_folders(tmp_path, make_classes, save_image):
    folder = make_classes(tmp_path, {"cat": 2, "dog": 1})
    save_image(folder / "dog" / "puppies" / "0.png")
    (folder / "dog" / "notes.txt").write_text("no image")
    assert listing(folder).reader == "class_folders"
    assert rows(folder) == {
        "cat/000.png": ("cat", None, "train"),
        "cat/001.png": ("cat", None, "train"),
        "dog/000.png": ("dog", None, "train"),
        "dog/puppies/0.png": ("dog", None, "train"),
    }


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_class_folders_inside_splits(tmp_path, make_classes, val):
    for split in ("train", val, "test"):
        make_classes(tmp_path / split, {"cat": 1, "dog": 1})
    (tmp_path / "README.md").write_text("about")
    found = rows(tmp_path)
    assert found["train/cat/000.png"] == ("cat", None, "train")
    assert found[f"{val}/dog/000.png"] == ("dog", None, "val")
    assert found["test/dog/000.png"] == ("dog", None, "test")
    assert len(found) == 6


def test_train_may_be_a_class_among_others(tmp_path, make_classes):
    make_classes(tmp_path, {"bus": 1, "train": 1, "car": 1})
    assert {label for label, _, _ in rows(tmp_path).values()} == {"bus", "train", "car"}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_labels(images, suffix):
    file = table(images / f"labels{suffix}", path=PATHS, label=LABELS, clean=["a"] * 6)
    assert listing(file).reader == "labels_table"
    assert rows(file, clean_label="clean")["images/0.png"] == ("b", "a", "train")
    assert rows(images) == rows(file)  # the only table at the folder's top


def test_a_table_with_splits(images):
    splits = ["train", "train", "val", "validation", "test", "test"]
    file = table(images / "labels.csv", path=PATHS, label=LABELS, split=splits)
    assert [split for _, _, split in rows(file).values()] == ["train", "train", "val", "val", "test", "test"]


def test_a_table_elsewhere_with_absolute_paths(images, tmp_path):
    (tmp_path / "lists").mkdir()
    paths = [str(images / path) for path in PATHS]
    file = table(tmp_path / "lists" / "labels.csv", path=paths, label=LABELS)
    assert set(rows(file)) == set(paths)
    relative = table(tmp_path / "lists" / "more.csv", path=[f"../set/{p}" for p in PATHS], label=LABELS)
    assert set(rows(relative)) == {f"../set/{path}" for path in PATHS}


def test_labels_are_text_as_they_are_written(images):
    labels = ["007", "1.0", "NA", "null", "True", "a b"]
    file = table(images / "labels.csv", path=PATHS, label=labels)
    assert [label for label, _, _ in rows(file).values()] == labels


def test_whole_numbers_of_a_parquet_file_stay_whole(images):
    numbers = pd.array([3, 1, 4, 1, 5, None], dtype="float64")
    file = table(images / "labels.parquet", path=PATHS, label=range(6), clean=numbers)
    assert rows(file, clean_label="clean")["images/0.png"] == ("0", "3", "train")
    assert rows(file, clean_label="clean")["images/5.png"] == ("5", "", "train")


def test_a_table_from_a_spreadsheet(images):
    text = "\ufeffpath, label\r\n" + "".join(f"./{p}, {x}\r\n" for p, x in zip(PATHS, LABELS, strict=True))
    (images / "labels.csv").write_bytes(text.encode())
    assert rows(images / "labels.csv")["images/1.png"] == ("a", None, "train")


def test_the_label_column_is_the_one_that_is_named(images):
    file = table(images / "labels.csv", path=PATHS, web=LABELS, truth=["a"] * 3 + ["b"] * 3)
    assert rows(file, label="web", clean_label="truth")["images/3.png"] == ("a", "b", "train")
    assert rows(file, label="truth", clean_label=None)["images/3.png"] == ("b", None, "train")


@pytest.fixture
def tables_beside(images):
    table(
        images / "train_labels.csv",
        path=PATHS[:3],
        web=["a", "b", "b"],
        worse=["b", "b", "a"],
        clean=list("aba"),
    )
    table(images / "val_labels.csv", path=PATHS[3:4], web=["a"], clean=["b"])
    table(images / "test_labels.csv", path=PATHS[4:], clean=["a", "b"])
    return images


def test_labels_beside_images(tables_beside):
    assert listing(tables_beside, label="web", clean_label="clean").reader == "labels_beside_images"
    assert rows(tables_beside, label="web", clean_label="clean") == {
        "images/0.png": ("a", "a", "train"),
        "images/1.png": ("b", "b", "train"),
        "images/2.png": ("b", "a", "train"),
        "images/3.png": ("a", "b", "val"),
        "images/4.png": ("a", "a", "test"),  # no given label there: the true one
        "images/5.png": ("b", "b", "test"),
    }


def test_a_column_of_noise_is_read_for_the_training_rows(tables_beside):
    found = listing(
        tables_beside, label="web", clean_label="clean", noise={"kind": "column", "column": "worse"}
    ).rows
    assert found["noisy"].tolist() == ["b", "b", "a", "", "", ""]


@pytest.mark.parametrize("below", ["", "set/", "a/set/"])
def test_a_zip_of_each(tmp_path, make_classes, images, tables_beside, zipped, below):
    beside = zipped(tables_beside, tmp_path / "beside.zip", below)
    assert listing(beside, label="web", clean_label="clean").reader == "labels_beside_images"
    assert rows(beside, label="web", clean_label="clean") == rows(
        tables_beside, label="web", clean_label="clean"
    )
    for split in ("train", "val", "test"):
        (images / f"{split}_labels.csv").unlink(missing_ok=True)
    table(images / "labels.csv", path=PATHS, label=LABELS)
    assert rows(zipped(images, tmp_path / "one.zip", below)) == rows(images)
    folder = make_classes(tmp_path / "classes", {"cat": 2, "dog": 1})
    assert rows(zipped(folder, tmp_path / "classes.zip", below)) == rows(folder)
    for split in ("train", "test"):
        make_classes(tmp_path / "splits" / split, {"cat": 1, "dog": 1})
    assert rows(zipped(tmp_path / "splits", tmp_path / "s.zip", below)) == rows(tmp_path / "splits")


def test_rows_are_sorted_whatever_the_order_in_the_table(images):
    first = table(images / "labels.csv", path=PATHS, label=LABELS)
    expected = listing(first).rows
    table(first, path=PATHS[::-1], label=LABELS[::-1])
    pd.testing.assert_frame_equal(listing(first).rows, expected)


def test_class_folders_say_what_they_pass_over(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 2, "dog": 1})
    (tmp_path / "cat" / "000.png").rename(tmp_path / "cat" / "0.png?w=300")
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    remarks = listing(tmp_path).remarks
    assert sorted(rows(tmp_path)) == ["cat/0.png?w=300", "cat/001.png", "dog/000.png"]
    assert remarks.told_by_content == {".png?…": 1}
    assert remarks.folders_without_images == ("bird",)
    assert remarks.passed_over_by_ending == {".heic": 1, ".csv": 1}
    assert remarks.tables_passed_over == ("notes.csv",)


def test_images_that_a_folders_table_does_not_list_are_counted(images):
    table(images / "labels.csv", path=PATHS[:4], label=LABELS[:4])
    assert listing(images).remarks.unlisted_images == 2
    assert listing(images / "labels.csv").remarks.unlisted_images == 0  # the folder may hold millions


def test_folders_whose_classes_are_true_say_so(tmp_path, make_classes):
    folder = make_classes(tmp_path, {"cat": 1, "dog": 1})
    assert [clean for _, clean, _ in rows(folder, clean_label="label").values()] == ["cat", "dog"]


def test_some_of_the_images_are_the_same_share_of_each_class_but_two_at_least(tmp_path, make_classes):
    folder = make_classes(tmp_path, {"cat": 40, "dog": 20, "owl": 3})
    found = listing(folder, max_images=15).rows
    assert found["label"].value_counts().to_dict() == {"cat": 10, "dog": 5, "owl": 2}
    assert found["path"].is_monotonic_increasing
    pd.testing.assert_frame_equal(listing(folder, max_images=15).rows, found)
