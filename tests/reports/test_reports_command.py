"""``python -m reports`` as people run it."""

import re
import subprocess
import sys
from functools import partial

import pandas as pd
import pytest
from PIL import Image

from platform.config.invocation import command_line
from platform.tracking.own_mlflow import name_own
from reports.__main__ import main
from reports.build.winner import read_winner
from reports.sweeps.joint_record import write_joint


@pytest.fixture
def photos(tmp_path):
    """Three images without labels, one of them in a folder, and a table beside them."""
    for name, colour in (("b.png", "red"), ("a/c.png", "green"), ("c.jpg", "blue")):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30), colour).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "table.csv").write_text("of the user")
    return tmp_path / "photos"


@pytest.fixture
def run(run_here):
    return partial(run_here, main)


@pytest.fixture
def nobody():
    """The address of an MLflow that is the user's own and that nobody serves."""
    name_own("http://127.0.0.1:9")
    return "http://127.0.0.1:9"


def test_it_makes_the_report_again_and_says_where_it_is(sweep, root):
    command = [sys.executable, "-m", "reports", str(sweep.folder.path), "--top", "2"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(line.endswith(" …") for line in done.stderr.splitlines())  # progress, on a slow machine
    lines = done.stdout.splitlines()
    assert any(line.split()[:3] == ["#", "trial", "val/accuracy"] for line in lines)
    assert any(line.startswith("Best single trial: ") for line in lines)
    assert lines[-1] == f"report: {sweep.folder.report / 'index.html'}"
    assert (sweep.folder.report / "index.html").exists()


def test_a_folder_that_is_no_sweep_is_one_line(tmp_path, run):
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}: is not a sweep's folder (it has no sweep.json)\n"


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_a_senseless_top_is_refused(sweep, run, top):
    done = run(sweep.folder.path, "--top", top)
    assert done.returncode == 2
    assert "--top" in done.stderr
    assert not sweep.folder.report.exists()


def test_a_tracking_server_that_does_not_answer_is_one_line_where_no_spool_has_the_sweep(sweep, run, nobody):
    sweep.folder.spool.unlink()
    record = sweep.folder.record_file
    record.write_text(record.read_text().replace(sweep.state.uri, nobody))
    done = run(sweep.folder.path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"MLflow at {nobody}: no MLflow server answers (Connection refused)\n"
    assert not sweep.folder.report.exists()


def test_a_sweep_that_mlflow_misses_has_its_report_and_is_delivered_by_the_next(sweep, reported, run, nobody):
    spool = sweep.folder.spool
    spool.with_suffix(".position").write_text("3\n")  # what came later is to be as if it had not arrived
    away = sweep.folder.record_file.read_text()
    sweep.folder.record_file.write_text(away.replace(sweep.state.uri, nobody))
    done = run(sweep.folder.path)
    assert done.returncode == 0
    waiting = len(spool.read_text().splitlines())
    assert done.stderr == (
        f"MLflow at {nobody}: no MLflow server answers (Connection refused); "
        f"{waiting - 3} of {waiting} calls for it wait in {spool}; "
        f"deliver them with: {command_line('reports', sweep.folder.path)}\n"
    )
    page = (sweep.folder.report / "index.html").read_text()
    assert "MLflow lacks a part of this sweep" in page
    ours, whole = (
        pd.read_csv(folder.trials_csv).drop(columns=["mlflow_run", "checkpoint"])
        for folder in (sweep.folder, reported[0].folder)
    )
    pd.testing.assert_frame_equal(ours, whole)

    sweep.folder.record_file.write_text(away)
    done = run(sweep.folder.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert pd.read_csv(sweep.folder.trials_csv)["mlflow_run"].notna().all()
    assert int(spool.with_suffix(".position").read_text()) == waiting


def test_it_predicts_and_leaves_the_folder_as_it_was(reported, photos, run):
    before = {file: file.stat().st_mtime_ns for file in photos.rglob("*")}
    file = photos.parent / "new" / "predictions.csv"
    done = run(reported[0].folder.path, "--predict", photos, "--out", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"predicted with {read_winner(reported[0].folder.report)}",
        f"predictions of 3 images: {file}",
        "1 file is no image and not predicted: 1 .csv",
    ]
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == [
        "path",
        "a/c.png",
        "b.png",
        "c.jpg",
    ]
    assert {file: file.stat().st_mtime_ns for file in photos.rglob("*")} == before


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("photo", "{tmp}/photo does not exist: {tmp} holds no 'photo'; did you mean 'photos'?\n"),
        ("nothing", "{tmp}/nothing: holds no images (files that end in .jpg, .jpeg, "),
    ],
)
def test_a_folder_without_images_is_one_line(folder, reason, reported, photos, tmp_path, run):
    (tmp_path / "nothing").mkdir()
    done = run(reported[0].folder.path, "--predict", tmp_path / folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(reason.format(tmp=tmp_path))
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--predict", "{photos}", "--out", "{photos}/table.csv"], r"--out: .*, where nothing is written"),
        (
            ["--predict", "{photos}", "--out", "{tmp}/a.csv"],
            r".*a\.csv: cannot be written \(it is a folder\)",
        ),
        (["--predict", "{photos}", "--out", "{tmp}/b/c.csv"], r".*c\.csv: cannot be written \(File exists\)"),
        (["--predict", "{photos}", "--out", "{tmp}/a.zip"], r"--out: must be a \.csv file, got .*a\.zip"),
        (["--predict", "{photos}", "--top", "2"], r"--top: cannot go with --predict, .*"),
        (["--predict", ""], "--predict: names no folder"),
        (["--format", "topk"], r"--format: needs --predict FOLDER, .*"),
        (["--threshold", "0.9"], r"--threshold: needs --pseudo-label FOLDER, .*"),
        (["--predict", "{photos}", "--ship"], r"--ship: cannot go with --predict; .*"),
        (["--ship", "--out", "{tmp}/c.csv"], r"--out: cannot go with --ship, .*"),
        (["--out", "{tmp}/c.csv"], r"--out: needs --predict, --pseudo-label, --export or several sweeps"),
        (["--predict", "{tmp}/b"], r".*/b: is neither an image nor a \.zip; .*"),
    ],
)
def test_predictions_that_cannot_be_are_one_line(arguments, reason, reported, photos, tmp_path, capsys):
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "b").write_text("no folder")
    before = sorted(tmp_path.rglob("*")), sorted(reported[0].folder.path.rglob("*"))
    words = [word.format(photos=photos, tmp=tmp_path) for word in arguments]
    assert main([str(reported[0].folder.path), *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(reason + "\n", said.err)
    assert (sorted(tmp_path.rglob("*")), sorted(reported[0].folder.path.rglob("*"))) == before
    assert (photos / "table.csv").read_text() == "of the user"


@pytest.mark.parametrize("action", [["--ship"], ["--pseudo-label", "photos", "--top-share", "0.3"]])
def test_what_a_joint_report_is_not_for_is_one_line(action, tmp_path, capsys):
    write_joint(tmp_path / "both", [tmp_path / "one", tmp_path / "other"])
    assert main([str(tmp_path / "both"), *action]) == 2
    said = capsys.readouterr().err
    assert said == f"{action[0]}: {tmp_path / 'both'} is a joint report; name one of its sweeps\n"
