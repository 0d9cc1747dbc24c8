"""A sweep's folder that a stranger made: links and forged paths in it reach no file of ours."""

import dataclasses
import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from platform.config.errors import UserError
from platform.search import main as search
from platform.storage.folder import Folder
from platform.tuning.folder.checkpoint_place import publish
from platform.tuning.folder.process_lock import SweepProcess, ask_to_stop, locked
from platform.tuning.folder.received import check_folder, own_trials
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.trial.kept_checkpoints import keeping_of
from reports.__main__ import main as reports
from reports.build.winner import read_winner
from tests.sweep_records import made_record

IDENTITY = made_record("got", tracking_uri="http://127.0.0.1:9")

SPACE = """
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
schedule: {name: constant, warmup_epochs: 0}
"""
MEMBER = {"trial": "got/0001", "checkpoint": "trials/0001/checkpoint_000001", "digest": "d" * 64}


@pytest.fixture
def folder(tmp_path):
    """As an archive unpacks it; what it must not reach lies in ``ours``."""
    made = SweepFolder(tmp_path / "runs" / "got")
    for place in (made.report, made.logs, made.trials / "0000" / "checkpoint_000001"):
        place.mkdir(parents=True)
    made.space.write_text("epochs: 1\n")
    made.study.write_text("a line\n")
    made.write_record(IDENTITY)
    return made


@pytest.fixture
def ours(tmp_path):
    place = tmp_path / "ours"
    (place / "2019").mkdir(parents=True)
    (place / "2019" / "a.csv").write_text("kept")
    (place / "token").write_text("no line end")
    return place


def content(place):
    return {path: path.read_text() for path in sorted(place.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("soup", "."),
        ("report/tables", "2019"),
        ("validation", "2019"),
        ("trials/0001", "2019"),
        ("trials/0000/checkpoint_000001/state.pt", "token"),
        ("mlflow_spool.jsonl", "token"),
        ("mlflow_spool.position", "token"),
        ("process.stop", "is_made"),
        ("logs/deep", "2019"),
        ("predictions.csv", "token"),
    ],
)
def test_a_link_anywhere_below_ends_every_command_before_it_writes(name, target, folder, ours, capsys):
    link, before = folder.path / name, content(ours)
    link.symlink_to(ours / target)
    commands = (
        lambda: reports([str(folder.path)]),
        lambda: reports([str(folder.path), "--predict", str(ours)]),
        lambda: reports([str(folder.path), "--ship"]),
        lambda: search(["--stop", "got", "--out", str(folder.path.parent)]),
    )
    for command in commands:
        assert command() == 2
        said = capsys.readouterr().err
        assert said.startswith(f"{link}: is a link to {ours}") and said.count("\n") == 1
    assert content(ours) == before


def test_a_file_with_a_second_name_outside_is_not_cut(folder, ours):
    folder.study.unlink()
    os.link(ours / "token", folder.study)
    with pytest.raises(UserError, match=r"optuna_journal\.log: is a file with 2 names \(hard links\)"):
        check_folder(folder)


def test_a_pipe_does_not_hang_a_command(folder, ours, capsys):
    folder.record_file.unlink()
    os.mkfifo(folder.record_file)
    assert reports([str(folder.path)]) == 2
    assert "sweep.json: is neither a file nor a folder: remove it" in capsys.readouterr().err
    assert search(["--list", "--out", str(folder.path.parent)]) == 0
    assert "got: " in capsys.readouterr().out


def test_what_users_and_sweeps_link_themselves_is_no_stranger(folder, tmp_path):
    other = folder.trials / "0001" / "checkpoint_000001"
    other.mkdir(parents=True)
    (folder.trials / "0000" / "checkpoint_000001" / "state.pt").write_text("weights")
    os.link(folder.trials / "0000" / "checkpoint_000001" / "state.pt", other / "state.pt")  # search.reuse
    (folder.path / f"{folder.study_lock}77.rename").symlink_to(
        folder.study
    )  # Optuna's lock, of a killed process
    check_folder(folder)
    (tmp_path / "big_disk").mkdir()
    folder.path.rename(tmp_path / "big_disk" / "got")
    folder.path.symlink_to(tmp_path / "big_disk" / "got")
    check_folder(folder)
    (tmp_path / "linked").symlink_to(tmp_path / "runs")
    check_folder(SweepFolder(tmp_path / "linked" / "got"))


def test_a_link_in_a_joint_reports_folder_or_in_its_sweeps_is_refused(folder, ours, capsys):
    joint = folder.path.parent / "joint"
    (joint / "report").mkdir(parents=True)
    (joint / "joint.json").write_text(json.dumps({"format": 1, "sweeps": ["../got"]}))
    (joint / "report" / "tables").symlink_to(ours / "2019")
    assert reports([str(joint)]) == 2
    assert "joint/report/tables: is a link" in capsys.readouterr().err
    (joint / "report" / "tables").unlink()
    (folder.path / "soup").symlink_to(ours)
    assert reports([str(joint)]) == 2
    assert "got/soup: is a link" in capsys.readouterr().err


@pytest.fixture
def victim(tmp_path):
    """Another sweep, whose checkpoints a forged record names."""
    made = SweepFolder(tmp_path / "mine" / "got")
    (made.trials / "0000" / "checkpoint_000001").mkdir(parents=True)
    made.report.mkdir()
    (made.report / "index.html").write_text("mine")
    made.write_record(dataclasses.replace(IDENTITY, data_digest="e" * 64))
    return made


def test_a_forged_place_of_the_checkpoints_is_neither_written_nor_deleted_from(folder, victim, capsys):
    (folder.report / "index.html").write_text("a stranger's")
    forged = dataclasses.replace(IDENTITY, trials=str(victim.trials))
    folder.write_record(forged)
    for attempt in (lambda: publish(folder), lambda: keeping_of(folder), lambda: check_folder(folder)):
        with pytest.raises(UserError, match="which is not this sweep's: nothing is read, written or deleted"):
            attempt()
    assert reports([str(folder.path)]) == 2
    assert (victim.report / "index.html").read_text() == "mine"
    victim.record_file.unlink()  # a folder of no sweep
    with pytest.raises(UserError, match="which is not this sweep's"):
        keeping_of(folder)


def test_the_sweeps_own_place_elsewhere_counts_after_mlflow_moved(folder, tmp_path):
    place = SweepFolder(tmp_path / "disk" / "got")
    record = dataclasses.replace(IDENTITY, trials=str(place.trials))
    folder.write_record(record)
    assert own_trials(folder, record) == Folder.of(place.trials), "nothing lies there yet"
    publish(folder)
    moved = dataclasses.replace(record, tracking_uri="http://127.0.0.1:8", parent_run_id="anew", top=3)
    folder.write_record(moved)
    assert keeping_of(folder).trials == Folder.of(place.trials)


@pytest.mark.parametrize(
    "forged",
    [
        {"members": [MEMBER | {"trial": "x/../../../ours/made"}]},
        {"members": [MEMBER | {"trial": "/ours/made"}]},
        {"members": [MEMBER | {"soup": ["0001", "/../../ours/made"]}]},
        {"learnt": "../../../ours/learnt.npz"},
    ],
)
def test_a_forged_winner_names_no_file_outside(forged, folder):
    kept = {"limit": 18, "side": 16, "bits": 16}
    record = {
        "rule": None,
        "metric": "val/accuracy",
        "value": 0.5,
        "members": [MEMBER],
        "classes": ["a", "b"],
    }
    (folder.report / "winner.json").write_text(json.dumps(record | {"kept": kept}))
    assert read_winner(folder.report).members[0].trial == "got/0001", "of a joint report"
    (folder.report / "winner.json").write_text(json.dumps(record | {"kept": kept} | forged))
    assert read_winner(folder.report) is None


def test_a_forged_process_is_not_signalled(folder):
    other = subprocess.Popen(["python3", "-c", "import time; time.sleep(60)"])
    try:
        forged = SweepProcess.this_process(1, 1, 1)
        started = psutil.Process(other.pid).create_time()
        with locked(folder, dataclasses.replace(forged, pid=other.pid, process_start=started)):
            with pytest.raises(UserError, match=f"names process {other.pid}, which does not run this sweep"):
                ask_to_stop(folder)
            assert not folder.stop_asked.exists()
        for impossible in (-1, 0, 1 << 40):
            with (
                locked(folder, dataclasses.replace(forged, pid=impossible)),
                pytest.raises(UserError, match="is not there any more"),
            ):
                ask_to_stop(folder)
        time.sleep(0.1)
        assert other.poll() is None
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()


def test_a_folder_of_something_else_is_not_emptied_to_begin_a_sweep(ours):
    line = ["--resume", "auto", "--name", "2019", "--out", str(ours)]
    space = ours.parent / "space.yaml"
    space.write_text(SPACE)
    before = content(ours)
    assert search([str(space), *line]) == 2
    assert before.items() <= content(ours).items()
