"""The command: tables that data.source takes, and files laid out, gone on with, and moved back."""

import json
import os

import pytest

from platform.data.__main__ import main
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.datasets.splitting import layout

SHARES = ["--val", "0.2", "--test", "0.1"]


@pytest.fixture
def photos(make_classes, tmp_path):
    folder = make_classes(tmp_path / "photos", {"cat": 10, "dog": 10})
    (folder / "dog" / "copy.png").write_bytes((folder / "dog" / "001.png").read_bytes())
    return folder


def files(folder):
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def data_of(source):
    return prepare(DataConfig.model_validate_json(json.dumps({"source": str(source)})), 8)


def splits_by_content(data):
    return sorted(
        (data.images.image(row).tobytes(), split) for row, split in enumerate(data.manifest["split"])
    )


@pytest.mark.parametrize("name", ["split.parquet", "split.csv"])
def test_a_table_is_written_that_a_sweep_can_learn_from(name, photos, tmp_path, capsys):
    out = tmp_path / "tables" / name
    out.parent.mkdir()
    assert main(["split", str(photos), *SHARES, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "21 images, 1 of them copies of another" in said and f"--data {out}" in said
    data = data_of(out)
    assert {split: len(data.rows(split)) for split in data.splits} == {"train": 15, "val": 4, "test": 2}
    copies = data.manifest[data.manifest["path"].str.contains("copy|dog/001")]
    assert copies["split"].nunique() == 1
    before = out.read_bytes()
    assert main(["split", str(photos), *SHARES, "--out", str(out)]) == 0
    assert out.read_bytes() == before


def test_a_zip_and_digits_are_split_by_a_manifest(photos, tmp_path, zipped, capsys):
    archive = zipped(photos, tmp_path / "photos.zip")
    out = tmp_path / "split.parquet"
    for source, images in ((str(archive), 21), ("digits", 1797)):
        assert main(["split", source, *SHARES, "--out", str(out)]) == 0
        assert len(data_of(out).manifest) == images
    assert main(["split", str(archive), *SHARES, "--out", str(tmp_path / "split.csv")]) == 2
    assert "is no folder, so a CSV cannot name its images" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["link", "copy", "move"])
def test_files_are_laid_out_as_the_table_says(how, photos, tmp_path, capsys):
    before, out = files(photos), tmp_path / "new"
    assert main(["split", str(photos), *SHARES, "--out", str(tmp_path / "split.csv")]) == 0
    expected = splits_by_content(data_of(tmp_path / "split.csv"))
    yes = ["--yes"] if how == "move" else []
    assert main(["split", str(photos), *SHARES, "--materialize", how, "--out", str(out), *yes]) == 0
    assert splits_by_content(data_of(out / "split.csv")) == expected
    assert splits_by_content(data_of(out)) == expected, "the folder itself is a source, too"
    assert files(photos) == ({} if how == "move" else before)
    linked = [os.stat(one).st_nlink for one in out.rglob("*.png")]
    assert set(linked) == ({2} if how == "link" else {1})
    if how == "move":
        assert main(["split", "--undo", str(out / "moves.jsonl")]) == 0
        assert "21 files are back where they were" in capsys.readouterr().out
        assert files(photos) == before and not out.exists()


@pytest.mark.parametrize("how", ["link", "copy", "move"])
@pytest.mark.parametrize("done", [0, 7, 20])
def test_a_run_that_was_killed_goes_on(how, done, photos, tmp_path, monkeypatch):
    """Killed while it takes a file: a link made, but the old name still there."""
    whole, out = tmp_path / "whole", tmp_path / "new"
    assert main(["split", str(photos), *SHARES, "--materialize", "copy", "--out", str(whole)]) == 0
    command = ["split", str(photos), *SHARES, "--materialize", how, "--out", str(out), "--yes"]
    placed = iter(range(100))

    class Killed(BaseException):
        pass

    def killed(content, to, write=layout._copied):
        if next(placed) == done:
            to.with_name(f".{to.name}.draft").write_bytes(content[:10])
            raise Killed
        write(content, to)

    def killed_link(here, there, link=os.link):
        link(here, there)
        if next(placed) == done:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(layout, "_copied", killed)
        patch.setattr(os, "link", killed_link)
        with pytest.raises(Killed):
            main(command)
    assert main(command) == 0
    names = {name for name in files(out) if name.endswith(".png") and not name.split("/")[-1].startswith(".")}
    assert names == {name for name in files(whole) if name.endswith(".png")}
    assert (out / "split.csv").read_bytes() == (whole / "split.csv").read_bytes()
    assert all((out / name).read_bytes() == (whole / name).read_bytes() for name in names)


def test_nothing_is_overwritten_and_move_asks(photos, tmp_path, capsys):
    before, out = files(photos), tmp_path / "new"
    (out / "train").mkdir(parents=True)
    (out / "train" / "mine.txt").write_text("mine")
    for how in ("link", "copy", "move"):
        command = ["split", str(photos), *SHARES, "--materialize", how, "--out", str(out), "--yes"]
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error == f"--out: {out}/train is there already: name a new folder; nothing is overwritten\n"
    assert files(out) == {"train/mine.txt": b"mine"}
    elsewhere = ["split", str(photos), *SHARES, "--materialize", "move", "--out", str(tmp_path / "other")]
    assert main(elsewhere) == 2
    assert "takes the files out of their folder: add --yes" in capsys.readouterr().err
    assert files(photos) == before and not (tmp_path / "other").exists()


def test_undo_replaces_no_file_that_came_in_the_meantime(photos, tmp_path, capsys):
    out = tmp_path / "new"
    command = ["split", str(photos), *SHARES, "--materialize", "move", "--out", str(out), "--yes"]
    assert main(command) == 0
    moved = files(out)
    (photos / "cat" / "003.png").write_bytes(b"new")
    assert main(["split", "--undo", str(out / "moves.jsonl")]) == 2
    assert "cat/003.png: is there already: nothing was moved back" in capsys.readouterr().err
    assert files(out) == moved


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--val", "1.2"], "--val: must be a share from 0 to below 1, got 1.2"),
        (["--val", "0.1", "--out", "split.txt"], "--out: must end in .parquet or .csv"),
        (["--val", "0.1", "--materialize", "copy"], "--materialize: needs --out FOLDER"),
        (["--val", "0.1", "--groups", "nowhere"], "nowhere: is no audit"),
    ],
)
def test_mistakes_are_one_line(arguments, message, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    there = files(tmp_path)
    assert main(["split", str(photos), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert files(tmp_path) == there
