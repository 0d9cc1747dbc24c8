"""``--pseudo-label``: what a sweep's winner is sure of becomes training rows of the next sweep."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.datasets.preparation.unlabelled import open_images
from reports.__main__ import main
from reports.build.winner import Winner
from reports.deploy.predict import predict_images
from reports.deploy.pseudo_label import above, pseudo_label, top_of_classes, top_share

ROWS = pd.DataFrame(
    {
        "path": ["e", "d", "c", "b", "a", "f"],
        "label": ["cat", "cat", "cat", "cat", "cat", "dog"],
        "probability": [0.5, 0.9, 0.9, 0.2, 0.95, 0.3],
    }
)


@pytest.mark.parametrize(
    ("take", "paths"),
    [
        (top_of_classes(1), "af"),
        (top_of_classes(2), "acf"),
        (top_of_classes(9), "abcdef"),
        (top_share(0.2), "af"),
        (top_share(0.3), "acf"),
        (top_share(0.6), "acdf"),
        (top_share(1.0), "abcdef"),
        (above(0.9), "acd"),
        (above(0.99), ""),
    ],
)
def test_what_is_taken(take, paths):
    assert "".join(sorted(take(ROWS)["path"])) == paths


def test_a_share_of_ten_is_not_rounded_up_by_floating_point():
    rows = pd.DataFrame({"path": list("abcdefghij"), "label": "x", "probability": 0.5})
    assert len(top_share(0.3)(rows)) == 3


@pytest.fixture(scope="module")
def pictures(data, tmp_path_factory):
    """The digits as files: class folders of those to train on, and others without labels."""
    root = tmp_path_factory.mktemp("pictures")
    for split, count, folder in (("train", 120, "train"), ("val", 60, "val"), ("test", 80, "new")):
        rows, labels = data.rows(split)[:count], data.given(split)[:count]
        for row, label in zip(rows, labels, strict=True):
            file = root / folder / ("" if folder == "new" else str(label)) / f"{row:05d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(data.images.image(row)).save(file)
    shutil.move(root / "new", root.parent / "new")
    yield root, root.parent / "new"
    shutil.rmtree(root.parent / "new")


@pytest.fixture
def run(reported, tmp_path):
    folder = replace(reported[0].folder, path=tmp_path / "run")
    shutil.copytree(reported[0].folder.path, folder.path)
    return folder


def learns_from(run, source):
    """Let the sweep's data have been those of a folder on disk."""
    text = run.space.read_text().split("data:")[0]
    run.space.write_text(f"{text}data: {{source: {source}}}\nsearch: {{trials: 5}}\n")
    data = prepare(DataConfig(source=str(source)), 16)
    data.manifest_frame().to_parquet(run.manifest)
    return data


@pytest.mark.parametrize("name", ["next.parquet", "next.csv"])
def test_the_next_sweep_trains_on_the_table_and_selects_on_the_same_images(name, run, pictures, tmp_path):
    own, new = pictures
    before = learns_from(run, own)
    done = pseudo_label(run.path, open_images(str(new)), top_of_classes(3), tmp_path / name)
    said = pd.read_csv(predict_images(run.path, open_images(str(new))).file, dtype={"label": str})
    expected = top_of_classes(3)(said)
    after = prepare(DataConfig(source=str(done.file)), 16)

    assert (done.labelled, done.own, done.known) == (len(expected), len(before.manifest), 0)
    assert len(after.rows("train")) == len(before.rows("train")) + len(expected)
    assert after.given("val").tolist() == before.given("val").tolist()
    added = after.manifest[after.manifest["path"].str.contains("/new/")]
    assert set(added["split"]) == {"train"}
    labels = [after.classes[place] for place in added["label"]]
    names = added["path"].str.rpartition("/")[2]
    assert dict(zip(names, labels, strict=True)) == dict(
        zip(expected["path"], expected["label"], strict=True)
    )
    assert not (tmp_path / f".{name}.parts").exists()


def test_images_that_have_a_label_are_left_out_whatever_their_split(run, pictures, tmp_path):
    own, _ = pictures
    shutil.copytree(own, tmp_path / "more")
    known = len(learns_from(run, tmp_path / "more").manifest)
    Image.new("RGB", (9, 9), "red").save(tmp_path / "more" / "another.png")
    done = pseudo_label(run.path, open_images(str(tmp_path / "more")), top_of_classes(100))
    assert (done.labelled, done.known, done.file) == (1, known, run.path / "pseudo_labels.parquet")


def test_images_that_no_table_can_name_are_left_out_with_a_word(run, pictures, capsys):
    arguments = ["--pseudo-label", str(pictures[1]), "--top-share", "0.5"]
    assert main([str(run.path), *arguments]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("predicted with ")
    assert said[1].endswith(" beside 0 rows of the sweep's own")
    assert said[2].startswith("the images of digits are no files in a folder")
    assert said[3] == f"train on it with: --data {run.path / 'pseudo_labels.parquet'}"


def test_nothing_sure_enough_writes_nothing(run, pictures, capsys):
    arguments = ["--pseudo-label", str(pictures[1]), "--threshold", "1"]
    assert main([str(run.path), *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "no image gets a label: none is probable enough" in line
    assert not (run.path / "pseudo_labels.parquet").exists()


def test_a_zip_is_refused_in_one_line(run, tmp_path, pictures, capsys):
    shutil.make_archive(str(tmp_path / "new"), "zip", pictures[1])
    arguments = ["--pseudo-label", str(tmp_path / "new.zip"), "--threshold", "0.1"]
    assert main([str(run.path), *arguments]) == 2
    assert "is a zip, in which a table cannot name images" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["--threshold", "0.5", "--top-share", "0.2"]])
def test_exactly_one_way_of_choosing_is_wanted(given, run, pictures, capsys):
    assert main([str(run.path), "--pseudo-label", str(pictures[1]), *given]) == 2
    assert capsys.readouterr().err.startswith("--pseudo-label: needs one of --top-classes N, ")


def test_a_winner_at_chance_labels_nothing_unless_forced(run, pictures, capsys):
    record = run.report / "winner.json"
    winner = Winner.model_validate_json(record.read_text())
    record.write_text(winner.model_copy(update={"at_chance": "Nothing was learnt."}).model_dump_json())
    arguments = [str(run.path), "--pseudo-label", str(pictures[1]), "--top-share", "0.5"]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said == (
        "--pseudo-label: its labels would be guesses. Nothing was learnt. --force writes them all the same\n"
    )
    assert not (run.path / "pseudo_labels.parquet").exists()
    assert main([*arguments, "--force"]) == 0
    assert (run.path / "pseudo_labels.parquet").exists()
