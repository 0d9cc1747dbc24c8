"""What a look sees in a folder with a long tail, odd files and copies."""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image

from platform.data.__main__ import main
from platform.datasets.data_config import DataConfig
from platform.datasets.look.look import in_turn, look


@pytest.fixture
def crawl(tmp_path, make_classes):
    folder = make_classes(tmp_path / "crawl", {"cat": 30, "dog": 8, "owl": 1, "Cat": 2, "misc": 2})
    (folder / "hen").mkdir()
    (folder / "hen" / "1.jpg").write_text("no image")
    (folder / "notes.txt").write_text("hello")
    first = sorted((folder / "cat").iterdir())[0]
    shutil.copy(first, folder / "cat" / "again.png")
    shutil.copy(first, folder / "dog" / "copy.png")
    return folder


def seen(folder, limit=None, **fields):
    return look(DataConfig(source=str(folder), **fields), limit=limit)[1]


def test_classes_are_counted_and_those_that_cannot_be_read_are_named(crawl):
    found = seen(crawl)
    assert {one.name: one.total for one in found.classes} == {
        "Cat": 2,
        "cat": 31,
        "dog": 9,
        "hen": 1,
        "misc": 2,
        "owl": 1,
    }
    assert found.unreadable_classes == ["hen"]
    assert [one.path for one in found.bad] == ["hen/1.jpg"]
    assert found.splits == {"train": 46}


def test_copies_are_found_within_and_across_labels(crawl):
    twins = seen(crawl).duplicates
    assert (twins.surplus, twins.between_labels, twins.between_splits) == (2, 1, 0)
    assert len(twins.groups[0]) == 3


def test_copies_across_splits(tmp_path, make_classes):
    for split in ("train", "val"):
        make_classes(tmp_path / split, {"cat": 2, "dog": 2})
    shutil.copytree(tmp_path / "train", tmp_path / "val", dirs_exist_ok=True)
    assert seen(tmp_path).duplicates.between_splits > 0


def test_names_that_seldom_are_classes_are_said(crawl):
    assert seen(crawl).suspicious == (
        "the class misc has a name that seldom is a class",
        "the classes Cat and cat differ by upper case only",
    )


def test_with_a_limit_every_class_is_opened_first(crawl):
    found = seen(crawl, limit=6)
    assert [one.opened for one in found.classes] == [1] * 6
    assert found.unreadable_classes == ["hen"]


def test_in_turn_takes_each_class_of_each_split_once_before_any_twice():
    rows = pd.DataFrame({"split": ["train"] * 6 + ["val"], "label": [*"aaaaab", "a"]})
    order = in_turn(rows)
    assert sorted(order) == list(range(7))
    assert {(rows["split"][row], rows["label"][row]) for row in order[:3]} == {
        ("train", "a"),
        ("train", "b"),
        ("val", "a"),
    }


def test_the_command_prints_json_and_draws_a_sheet(crawl, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    assert main(["look", str(crawl), "--json", "--out", str(out)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["reader"] == "class_folders" and said["images"] == 46
    assert said["passed_over"]["by_ending"] == {".txt": 1}
    with Image.open(out) as sheet:
        assert sheet.width > 8 * 96


def test_the_command_says_the_same_in_words(crawl, capsys):
    assert main(["look", str(crawl), "data.val_share=0.2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "6 classes, of 1 to 31 training images (a long tail, 31 to 1); 2 with one image",
        "2 files repeat another's content; 1 content under two labels or more",
        "no image of hen can be read",
        "no val: data.val_share of train (20%) will be held out",
    ):
        assert words in said


def test_what_no_sweep_could_use_is_one_line(tmp_path, capsys):
    assert main(["look", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("hello")
    assert main(["look", str(tmp_path)]) == 2
    assert main(["look", str(tmp_path), "epochs=3"]) == 2
    assert "write data.key=value" in capsys.readouterr().err
