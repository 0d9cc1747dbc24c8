"""What a process left that was killed before the sweep's record is taken over; nothing else is."""

import subprocess
import sys

import pytest

from platform.config.errors import UserError
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.folder.which_folder import folder_to_resume, new_folder

BEGINS = """
import os, signal, sys
from pathlib import Path
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.which_folder import new_folder
folder = new_folder(Path(sys.argv[1]), "peer", is_given=True)
with locked(folder, SweepProcess.this_process(4, 12, 3)):
    folder.space.write_text("epochs: 1")
    folder.opening.with_name(".opening.json.7.draft").touch()
    folder.logs.mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path, root):
    subprocess.run([sys.executable, "-c", BEGINS, str(tmp_path)], cwd=root)
    return SweepFolder(tmp_path / "peer")


@pytest.mark.parametrize("is_given", [True, False])
def test_a_start_that_was_killed_is_begun_again_under_its_name(killed, tmp_path, is_given):
    assert new_folder(tmp_path, "peer", is_given=is_given) == killed


def test_resume_says_that_there_is_nothing_to_resume(killed, tmp_path):
    with pytest.raises(
        UserError, match=r"peer: its process ended before the sweep began.* without --resume$"
    ):
        folder_to_resume(tmp_path, "peer", is_given=True)


def test_a_process_that_begins_it_now_keeps_its_folder(killed, tmp_path):
    with locked(killed, SweepProcess.this_process(4, 12, 3)):
        assert new_folder(tmp_path, "peer", is_given=False).name == "peer-2"
        with pytest.raises(UserError, match="a sweep of this name exists"):
            new_folder(tmp_path, "peer", is_given=True)


def test_a_folder_with_anything_else_in_it_is_not_taken(killed, tmp_path):
    (killed.path / "photos").mkdir()
    with pytest.raises(UserError, match="a sweep of this name exists"):
        new_folder(tmp_path, "peer", is_given=True)
    (killed.path / "photos").rmdir()
    killed.manifest.symlink_to(tmp_path / "elsewhere")
    assert new_folder(tmp_path, "peer", is_given=False).name == "peer-2"
