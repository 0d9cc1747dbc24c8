"""Writes and renames that fail as on a network's or a full disk: the old content stays, one line says why."""

import errno
import json
import os
import subprocess
import sys

import pytest

from platform.storage.event_log import EventLog
from tests.failing_disks import can_fail, failing_disk

pytestmark = pytest.mark.skipif(not can_fail(), reason="there is no C compiler")

WRITE = """
import json, sys
from pathlib import Path
from platform.config.errors import UserError
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_folder, write_whole

place, said = Path(sys.argv[1]), []
def file():
    write_whole(place / "record.json", "new")
def folder():
    with whole_folder(place / "checkpoint") as draft, written_to(place / "checkpoint"):
        (draft / "weights").write_text("new")
for write in (file, folder):
    try:
        write()
        said.append(None)
    except UserError as error:
        said.append(str(error))
print(json.dumps(said))
"""


@pytest.fixture
def written(tmp_path, root):
    """``written(paths, calls, error)``: what a process says that replaces a file and a folder there."""
    place = tmp_path / "place"
    (place / "checkpoint").mkdir(parents=True)
    (place / "record.json").write_text("old")
    (place / "checkpoint" / "weights").write_text("old")

    def run(paths, calls, error, times=-1):
        disk = failing_disk(tmp_path, f"{place}/{paths}", calls=calls, error=error, times=times)
        disk.begin()
        line = [sys.executable, "-c", WRITE, str(place)]
        done = subprocess.run(line, cwd=root, env={**os.environ, **disk.environment}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout), disk.end(), place

    return run


def content(place):
    return {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}


OLD = {"record.json": "old", "checkpoint/weights": "old"}


@pytest.mark.parametrize("error", [errno.ESTALE, errno.EBUSY, errno.EIO])
def test_a_rename_that_fails_leaves_what_was_there(error, written):
    said, failed, place = written("[rc]*", "rename", error)
    cause = os.strerror(error)
    assert said == [f"{place}/{name}: cannot be written: {cause}" for name in ("record.json", "checkpoint")]
    assert failed[0] == f"{place}/record.json" and f"{place}/checkpoint" in failed
    assert content(place)["record.json"] == "old" and "old" in content(place).values()
    assert list(place.rglob("*draft*")) == []


def test_the_folder_is_put_back_when_only_its_own_rename_fails(written):
    said, failed, place = written("checkpoint", "rename", errno.EBUSY, times=1)
    assert said == [None, f"{place}/checkpoint: cannot be written: Device or resource busy"]
    assert failed == [f"{place}/checkpoint"]
    assert content(place) == {"record.json": "new", "checkpoint/weights": "old"}


def test_a_full_disk_leaves_what_was_there(written):
    said, _, place = written("*", "write", errno.ENOSPC)
    assert all(line.endswith(": the disk is full (0.0 MB free): make room there") for line in said)
    assert content(place) == OLD


APPEND = """
import sys
from pathlib import Path
from platform.config.errors import UserError
from platform.storage.event_log import EventLog
try:
    EventLog(Path(sys.argv[1])).append_line("new")
except UserError as error:
    print(error)
"""


def test_an_event_of_a_night_or_a_round_that_does_not_fit_leaves_the_ledger_whole(tmp_path, root):
    place = tmp_path / "state"
    log = EventLog(place)
    log.append_line("old")
    disk = failing_disk(tmp_path, f"{place}/ledger.jsonl")
    line = [sys.executable, "-c", APPEND, str(place)]
    said = []
    for begin_or_end in (disk.begin, disk.end):
        begin_or_end()
        done = subprocess.run(line, cwd=root, env={**os.environ, **disk.environment}, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        said.append(done.stdout.decode())
        if begin_or_end == disk.begin:
            assert log.lines() == [b"old"]
    assert said == [f"{log.file}: the disk is full (0.0 MB free): make room there\n", ""]
    assert log.lines() == [b"old", b"new"]
