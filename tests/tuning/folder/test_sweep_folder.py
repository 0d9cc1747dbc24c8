"""The names and records of sweeps under runs/."""

import dataclasses
import json

import pytest

from platform.config.errors import UserError
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.folder.which_folder import folder_to_resume, new_folder
from platform.tuning.goals import Goal
from tests.sweep_records import made_record

IDENTITY = made_record("peer")


def make(path):
    path.mkdir(parents=True)
    folder = SweepFolder(path)
    folder.write_record(dataclasses.replace(IDENTITY, name=path.name))
    return folder


def test_a_record_comes_back_as_written(tmp_path):
    folder = make(tmp_path / "peer")
    assert folder.read_record() == IDENTITY


def test_a_record_of_a_single_goal_by_an_earlier_version_is_read(tmp_path):
    folder = make(tmp_path / "peer")
    text = json.loads(folder.record_file.read_text())
    assert text.pop("directions") == {}
    folder.record_file.write_text(json.dumps(text))
    assert folder.read_record().goals == (Goal("val/accuracy", "max"),)
    several = dataclasses.replace(IDENTITY, directions={"val/accuracy": "max", "val/loss": "min"})
    folder.write_record(several)
    assert folder.read_record().goals == (Goal("val/accuracy", "max"), Goal("val/loss", "min"))


def test_the_spaces_own_name_counts_on_and_a_given_one_must_be_free(tmp_path):
    assert new_folder(tmp_path, "peer", is_given=False).name == "peer"
    assert new_folder(tmp_path, "peer", is_given=False).path.is_dir()
    assert new_folder(tmp_path, "peer", is_given=False).name == "peer-3"
    SweepFolder(tmp_path / "peer").write_record(IDENTITY)
    with pytest.raises(UserError, match=r"peer: a sweep of this name exists; go on with it with --resume"):
        new_folder(tmp_path, "peer", is_given=True)


def test_resume_takes_the_newest_or_the_named_sweep(tmp_path):
    make(tmp_path / "peer")
    newest = make(tmp_path / "peer-2")
    assert folder_to_resume(tmp_path, "peer", is_given=False) == newest
    assert folder_to_resume(tmp_path, "peer", is_given=True).name == "peer"
    with pytest.raises(UserError, match="core: no sweep to resume; there are: peer, peer-2"):
        folder_to_resume(tmp_path, "core", is_given=True)


def test_a_folder_without_a_record_is_no_sweep(tmp_path):
    with pytest.raises(UserError, match=r"is not a sweep's folder"):
        SweepFolder(tmp_path).read_record()


def test_a_broken_record_is_named(tmp_path):
    folder = make(tmp_path / "peer")
    folder.record_file.write_text('{"name": "peer"')
    with pytest.raises(UserError, match=r"sweep.json: cannot be read: Invalid JSON"):
        folder.read_record()


def test_a_name_may_hold_the_night_that_the_sweep_belongs_to(tmp_path):
    assert new_folder(tmp_path, "digits@2026-11-30-canary", is_given=True).path.is_dir()
    for wrong in ("@night", "a/b", "a b", "../a", ""):
        with pytest.raises(UserError, match="--name: must be letters, digits, '.', '_', '@' and '-', got"):
            new_folder(tmp_path, wrong, is_given=True)
