"""The names and records of sweeps under runs/."""

import dataclasses
import json

import pytest

from platform.config.errors import UserError
from platform.tuning.goals import Goal
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity, folder_to_resume, new_folder

IDENTITY = SweepIdentity(
    name="peer",
    experiment="peer",
    experiment_id="1",
    metric="val/accuracy",
    mode="max",
    top=5,
    seed=0,
    tracking_uri="sqlite:///mlflow.db",
    parent_run_id="abc",
    data_digest="d",
    command="python -m platform.search peer.yaml",
    git_commit="c",
)


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
    with pytest.raises(UserError, match=r"peer: a sweep of this name is there; go on with it by --resume"):
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
    with pytest.raises(UserError, match=r"sweep.json: cannot be read as a sweep's record"):
        folder.read_record()
