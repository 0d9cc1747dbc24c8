"""A full disk: what is written is there whole or not at all, and one line says so."""

import errno
import os

import pytest

from platform.storage.disk import StorageError, broken_disk, free_bytes, full_disk, written_to
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import is_whole, save_checkpoint
from platform.training.trial.trial_config import TrialConfig


@pytest.fixture
def trainer(golden_steps):
    sections = {"epochs": 9, "image_size": 8, "model": {"backbone": "test_resnet"}}
    config = TrialConfig.model_validate(sections | {"method": {"name": "cross_entropy"}})
    return Trainer(config, golden_steps.few_digits())


@pytest.mark.parametrize(
    "room", [200_000, 2_000_000]
)  # too little for the weights, for the optimiser's state
def test_a_checkpoint_that_does_not_fit_leaves_the_last_one_whole(room, trainer, small_disk):
    disk = small_disk("16m")
    save_checkpoint(disk / "checkpoint_000001", trainer)
    (disk / "ballast").write_bytes(bytes(free_bytes(disk) - room))
    with pytest.raises(
        StorageError, match=r"checkpoint_000002: the disk is full \(\d\.\d MB free\): make room"
    ):
        save_checkpoint(disk / "checkpoint_000002", trainer)
    assert sorted(path.name for path in disk.iterdir()) == ["ballast", "checkpoint_000001"]
    assert is_whole(disk / "checkpoint_000001")
    (disk / "ballast").unlink()
    save_checkpoint(disk / "checkpoint_000002", trainer)
    assert is_whole(disk / "checkpoint_000002")


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "checkpoint"
    with pytest.raises(StorageError) as error, written_to(place):
        place.mkdir()
    assert str(error.value) == f"{place}: cannot be written: Not a directory"


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="size mismatch"), written_to(tmp_path):
        raise RuntimeError("size mismatch")
    assert full_disk(PermissionError(errno.EACCES, "no"), tmp_path) is None


def test_the_cause_is_found_below_what_libraries_make_of_it(tmp_path):
    error = RuntimeError("the callback failed")
    error.__context__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "journal"))
    assert full_disk(error, tmp_path).startswith(f"{tmp_path / 'journal'}: the disk is full (")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EPERM, errno.ESTALE, errno.EBUSY, errno.EIO])
def test_a_folder_that_cannot_be_written_any_more_is_one_line(number, tmp_path):
    error = RuntimeError("the callback failed")
    error.__context__ = OSError(number, os.strerror(number), str(tmp_path / "logs" / "state.json"))
    words = f"{tmp_path}/logs/state.json: cannot be written: {os.strerror(number)}"
    assert broken_disk(error, tmp_path) == words
    assert broken_disk(error, tmp_path / "other") is None, "a file of something else"
    unnamed = OSError(number, os.strerror(number))
    assert (broken_disk(unnamed, tmp_path) is None) == (number not in (errno.EROFS, errno.ESTALE))
