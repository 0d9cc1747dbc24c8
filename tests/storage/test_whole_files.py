"""Files and folders are replaced whole or not at all; records are read, or one line says why not."""

import math
import os
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from pydantic import BaseModel

from platform.config.document import yaml_text
from platform.config.errors import UserError
from platform.storage.disk import StorageError, free_bytes, written_to
from platform.storage.whole_files import (
    is_zip,
    npz,
    parse_record,
    read_npz,
    read_record,
    whole_file,
    whole_folder,
    write_whole,
)


@dataclass(frozen=True)
class Score:
    name: str
    values: dict[int, float] = field(default_factory=dict)


class Scores(BaseModel):
    best: Score


def test_a_file_is_replaced_as_a_whole(tmp_path):
    file = tmp_path / "new" / "page.html"
    write_whole(file, "first")
    write_whole(file, "second ✓")
    assert file.read_text(encoding="utf-8") == "second ✓"
    assert [path.name for path in file.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("replaced", ["whole_file", "whole_folder"])
def test_a_write_that_is_killed_half_way_leaves_the_old_one(replaced, tmp_path, root):
    file, folder = tmp_path / "record.json", tmp_path / "checkpoint"
    folder.mkdir()
    for old in (file, folder / "weights"):
        old.write_text("old")
    place, inner = (file, "draft") if replaced == "whole_file" else (folder, "draft / 'weights'")
    code = (
        f"import os, signal\nfrom pathlib import Path\nfrom platform.storage.whole_files import {replaced}\n"
        f"with {replaced}(Path({str(place)!r})) as draft:\n"
        f"    ({inner}).write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == -signal.SIGKILL
    assert file.read_text() == (folder / "weights").read_text() == "old"


@pytest.mark.parametrize("replaced", [whole_file, whole_folder])
def test_a_write_that_fails_leaves_the_old_one_and_no_draft(replaced, tmp_path):
    place = tmp_path / "there"

    def write(content):
        with replaced(place) as draft:
            (draft if replaced is whole_file else draft / "file").write_text(content)
            assert content == "old"

    write("old")
    with pytest.raises(AssertionError):
        write("half")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (place if replaced is whole_file else place / "file").read_text() == "old"


def test_a_folder_loses_what_the_new_one_does_not_have(tmp_path):
    for name in ("first", "second"):
        with whole_folder(tmp_path / "there") as draft:
            (draft / name).touch()
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["second"]


def test_a_file_that_does_not_fit_leaves_the_one_that_is_there(small_disk):
    disk = small_disk("64k")
    write_whole(disk / "space.yaml", yaml_text({"epochs": 3}))
    before = (disk / "space.yaml").read_bytes()
    with pytest.raises(StorageError, match=r"^.*space\.yaml: the disk is full \(0\.\d MB free\): make room"):
        write_whole(disk / "space.yaml", yaml_text({"epochs": 4, "notes": ["long"] * 50_000}))
    assert [path.name for path in disk.iterdir()] == ["space.yaml"]
    assert (disk / "space.yaml").read_bytes() == before


def test_a_folder_that_does_not_fit_leaves_the_one_that_is_there(small_disk):
    folder = small_disk("64k") / "checkpoint"
    with whole_folder(folder) as draft:
        (draft / "weights").write_bytes(b"old")
    (folder.parent / "ballast").write_bytes(bytes(free_bytes(folder) - 8192))
    with (
        pytest.raises(StorageError, match="checkpoint: the disk is full"),
        whole_folder(folder) as draft,
        written_to(folder),
    ):
        (draft / "weights").write_bytes(bytes(20_000))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["ballast", "checkpoint"]
    assert (folder / "weights").read_bytes() == b"old"


def test_a_place_that_takes_no_file_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as error:
        write_whole(tmp_path / "file" / "record.json", "{}")
    assert str(error.value).startswith(f"{tmp_path}/file/record.json: cannot be written: ")
    with pytest.raises(StorageError, match="cannot be written"):
        write_whole(tmp_path, "a folder")


def test_records_come_back_as_they_were_written(tmp_path):
    file = tmp_path / "record.json"
    assert read_record(file, Score) is None
    assert read_record(file / "below", Score) is None
    write_whole(file, '{"name": "a", "values": {"1": 0.5, "2": NaN}}')
    score = read_record(file, Score)
    assert score.name == "a" and score.values[1] == 0.5 and math.isnan(score.values[2])
    write_whole(file, '{"best": {"name": "a"}}')
    assert read_record(file, Scores) == Scores(best=Score("a"))
    write_whole(file, '[{"name": "a"}, {"name": "b"}]')
    assert read_record(file, list[Score]) == [Score("a"), Score("b")]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "Invalid JSON: EOF"),
        ('{"name": "a"', "Invalid JSON: EOF"),
        ("[1]", "Input should be an object"),
        ('{"values": {}}', "name: Field required"),
        ('{"name": "a", "values": {"1": "x"}}', "values.1: Input should be a valid number"),
        ('{"name": "a", "other": 1}', "other: Unexpected keyword argument"),
    ],
)
def test_a_record_that_cannot_be_read_is_one_line(content, cause, tmp_path):
    file = tmp_path / "record.json"
    file.write_text(content)
    with pytest.raises(UserError) as error:
        read_record(file, Score)
    assert str(error.value).startswith(f"{file}: cannot be read: {cause}")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"^s3://there/x: cannot be read"):
        parse_record(content.encode(), Score, source="s3://there/x")


def test_a_record_that_is_a_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_record(tmp_path, Score)
    assert os.listdir(tmp_path) == []


class Runs:
    """Unpickled, it makes the folder ``ran``."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {
        "numbers": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "names": np.array(["a", "bé"]),
        "none": np.empty((0, 4)),
        "one": np.float64(2.5),
    }
    (tmp_path / "kept.npz").write_bytes(npz(arrays))
    kept = read_npz(tmp_path / "kept.npz")
    assert kept.keys() == arrays.keys()
    for name, values in arrays.items():
        np.testing.assert_array_equal(kept[name], values)
        assert kept[name].flags.writeable and kept[name].dtype == np.asarray(values).dtype


def damaged_arrays():
    poisoned, compressed = BytesIO(), BytesIO()
    np.savez(poisoned, learnt=np.array([Runs()], dtype=object))
    np.savez_compressed(compressed, zeros=np.zeros(1_000_000))
    whole = npz({"numbers": np.arange(1000.0)})
    return {
        "a pickle": poisoned.getvalue(),
        "one that unpacks to more": compressed.getvalue(),
        "a size that is not true": whole.replace(b"(1000,)", b"(9**9,)"),
        "another size": whole.replace(b"(1000,)", b"(2000,)"),
        "half of it": whole[:3000],
        "text": b"no zip",
    }


@pytest.mark.parametrize("name", damaged_arrays())
def test_damaged_arrays_are_none_and_run_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept.npz").write_bytes(damaged_arrays()[name])
    assert read_npz(tmp_path / "kept.npz") is None
    assert not (tmp_path / "ran").exists()


def test_a_zip_whose_end_is_damaged_is_none(tmp_path):
    file = tmp_path / "state.pt"
    with ZipFile(file, "w") as whole:
        whole.writestr("a", "b")
    assert is_zip(file)
    of_two_disks = b"PK\6\7" + struct.pack("<LQL", 0, 0, 2)
    content = file.read_bytes()
    file.write_bytes(content[:-22] + of_two_disks + content[-22:])
    assert not is_zip(file)
