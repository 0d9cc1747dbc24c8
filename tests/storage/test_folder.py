"""One class for folders on this machine and in an object store: the same calls, the same answers."""

import os
import pickle
import subprocess
import sys

import pytest

from platform.storage.disk import StorageError
from platform.storage.folder import Folder
from platform.training.checkpoints.description import best_checkpoint


@pytest.fixture
def s3(s3_server, monkeypatch):
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return s3_server["AWS_ENDPOINT_URL"].removeprefix("http://")


@pytest.fixture(params=["local", "s3", "s3 with options"])
def folder(request, tmp_path):
    if request.param == "local":
        return Folder.of(tmp_path / "made later")
    host = request.getfixturevalue("s3")
    options = f"?endpoint_override={host}&scheme=http&region=us-east-1" if "options" in request.param else ""
    return Folder.of(f"s3://bucket/{tmp_path.name}{options}")


def test_what_is_written_is_listed_read_and_deleted(folder):
    folder /= "digits@2026-11-30-canary"  # as the sweep of a night is called
    assert folder.files() == {} and folder.folders() == {} and folder.names() == []
    (folder / "a" / "deep").write("x", b"123")
    (folder / "a").write("y", b"")
    folder.write("z", b"12")
    assert folder.files() == {"z": 2} and folder.names() == ["a", "z"]
    assert folder.folders() == {folder / "a": {"y": 0}}
    assert (folder / "a" / "deep").read("x") == b"123" and (folder / "a").has("y")
    assert folder.holders("x") == [folder / "a" / "deep"]
    (folder / "a").delete(first="y")
    (folder / "a").delete(first="y")
    assert folder.folders() == {} and folder.files() == {"z": 2}
    with pytest.raises(FileNotFoundError):
        folder.read("gone")


def test_a_folder_is_filled_and_fetched(folder, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name, content in {"big": os.urandom(20_000_000), "checkpoint.json": b"{}", "zero": b""}.items():
        (source / name).write_bytes(content)
    (folder / "c").write("an older one", b"old")
    (folder / "c").fill(source, last="checkpoint.json")
    there = (folder / "c").fetched()
    with (folder / "c").at_hand() as again:
        for path in (there, again):
            assert {file.name: file.read_bytes() for file in path.iterdir()} == {
                file.name: file.read_bytes() for file in source.iterdir()
            }
    assert (folder / "c").fetched() == there
    assert again.exists() == (folder.local is not None)


def test_names_and_parents(folder):
    below = folder / "trials" / "0007"
    assert (below.name, below.parent.parent) == ("0007", folder)
    assert Folder.of(str(below)) == below == pickle.loads(pickle.dumps(below))
    assert folder.at("trials/0007") == below and Folder.of("/elsewhere").at(str(below)) == below


def test_the_best_checkpoint_is_found_at_any_depth(folder):
    values = {"0000/checkpoint_1": 0.3, "0001/checkpoint_2": 0.9, "0001/checkpoint_3": 0.4}
    for place, value in values.items():
        folder.at(place).write("checkpoint.json", b'{"format": 2, "metrics": {"val/accuracy": %f}}' % value)
    assert best_checkpoint(folder, "val/accuracy", "max") == folder / "0001" / "checkpoint_2"
    assert best_checkpoint(folder / "0000", "val/accuracy", "max") == folder / "0000" / "checkpoint_1"
    assert best_checkpoint(folder, "val/loss", "max") is None


def test_a_copy_is_gone_with_its_process(s3_server, root):
    code = (
        "from platform.storage.folder import Folder; folder = Folder.of('s3://bucket/copied');"
        "folder.write('x', b'1'); print(folder.fetched())"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=root, env={**os.environ, **s3_server}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/") and not os.path.exists(done.stdout.strip())


def test_a_bucket_that_is_not_there_is_one_line(s3):
    with pytest.raises(StorageError) as error:
        Folder.of("s3://nobody/x").write("x", b"1")
    assert str(error.value).startswith("s3://nobody/x: cannot be written: ")
    assert "\n" not in str(error.value) and "Request ID" not in str(error.value)


@pytest.mark.parametrize("place", ["runs", "./runs", "file:///there/runs", "/there/runs/"])
def test_paths_are_absolute(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder = Folder.of(place)
    assert folder.local.is_absolute() and folder.name == "runs"
