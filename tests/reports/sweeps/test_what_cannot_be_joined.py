"""Sweeps that cannot be in one report, or not all of them: a clear line, and nothing half written."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from platform.config.errors import UserError
from platform.tracking.own_mlflow import name_own
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.__main__ import main


def unlike_classes(folder):
    manifest = pd.read_parquet(folder.manifest)
    manifest.loc[manifest["label"] == "9", "label"] = "ten"
    manifest.to_parquet(folder.manifest, index=False)
    folder.write_record(replace(folder.read_record(), data_digest="f" * 64))


def unlike_labels(folder):
    manifest = pd.read_parquet(folder.manifest)
    rows = np.flatnonzero((manifest["split"] == "val") & (manifest["label"] != "3"))[:7]
    manifest.loc[rows, "label"] = "3"
    manifest.to_parquet(folder.manifest, index=False)
    folder.write_record(replace(folder.read_record(), data_digest="f" * 64))


def unlike_split(folder):
    manifest = pd.read_parquet(folder.manifest)
    manifest[manifest["split"] != "val"].to_parquet(folder.manifest, index=False)
    folder.write_record(replace(folder.read_record(), data_digest="f" * 64))


def unlike_content(folder):
    folder.write_record(replace(folder.read_record(), data_digest="f" * 64))


def unlike_metric(folder):
    folder.write_record(replace(folder.read_record(), metric="val/macro_accuracy"))


def unlike_statistic(folder):
    folder.write_record(replace(folder.read_record(), statistic="last"))


def unlike_validation(folder):
    text = folder.space.read_text().replace("data: {", "data: {val_label: clean, ")
    folder.space.write_text(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unlike_classes, "their classes differ: only in {a}: 9; only in {b}: ten"),
        (unlike_labels, "their given labels differ: those of 7 of "),
        (unlike_split, "their splits differ: val has "),
        (unlike_content, "the content of their images differs (SHA-256 "),
        (unlike_metric, "they have different goals (val/accuracy (max); val/macro_accuracy (max))"),
        (unlike_statistic, "they compare trials by different statistics (best and last)"),
        (unlike_validation, "they select on different labels of validation (given and clean)"),
    ],
)
def test_sweeps_that_are_not_alike_are_one_line_and_nothing_is_written(change, reason, runs, capsys):
    a, b = runs.sweeps
    change(SweepFolder(b))
    assert main([str(a), str(b)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{a} and {b}: no report can join them: {reason.format(a=a, b=b)}")
    assert said.count("\n") == 1
    assert not runs.joint.exists()


def empty(folder):
    """The sweep, as if no trial of it had reported anything."""
    record = folder.read_record()
    writer = SweepWriter.open(record.tracking_uri, "digits", "empty")
    writer.finish("failed")
    folder.spool.unlink()
    folder.write_record(replace(record, parent_run_id=writer.state.parent_run_id))


def test_a_sweep_without_a_ranked_trial_is_counted_and_none_with_one_is_one_line(runs):
    a, b = map(SweepFolder, runs.sweeps)
    empty(b)
    assert runs.build(top=1).contents.notices == [
        "1 of 2 sweeps has no trial that reported val/accuracy: plain."
    ]
    shutil.rmtree(runs.joint)
    empty(a)
    with pytest.raises(UserError, match="no trial of these sweeps reported val/accuracy: there is nothing"):
        runs.build()
    assert not runs.joint.exists()


def test_mlflow_that_does_not_answer_is_one_line_where_no_spool_has_a_sweep(runs, capsys):
    folder = SweepFolder(runs.sweeps[1])
    folder.spool.unlink()
    name_own("http://127.0.0.1:9")
    folder.write_record(replace(folder.read_record(), tracking_uri="http://127.0.0.1:9"))
    assert main([*map(str, runs.sweeps)]) == 2
    said = capsys.readouterr().err
    assert said == "MLflow at http://127.0.0.1:9: no MLflow server answers (Connection refused)\n"
    assert not runs.joint.exists()


def test_an_experiment_joins_the_sweeps_whose_folders_are_there(runs, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", SweepFolder(runs.sweeps[0]).read_record().tracking_uri)
    shutil.rmtree(runs.sweeps[1])
    assert main(["--experiment", "digits", "--runs", str(runs.path), "--top", "1"]) == 0
    out = capsys.readouterr().out
    gone = f"1 of 2 sweeps of the experiment is left out, without a folder in {runs.path}: plain."
    assert gone in out.splitlines()
    page = runs.path / "experiment-digits" / "report" / "index.html"
    assert f"report: {page}" in out
    assert gone in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "runs/NAME: name a sweep's folder, several of them, or --experiment NAME"),
        (["{a}", "{a}"], "{a}: is named 2 times; a joint report takes each sweep once"),
        (["{a}", "{gone}"], "{gone}: is not a sweep's folder (it has no sweep.json)"),
        (
            ["{a}", "{b}", "--out", "{b}"],
            "--out: {b} is a sweep's own folder; name another for the joint report",
        ),
        (["{a}", "{b}", "--out", "{full}"], "--out: {full} holds something else than a joint report; "),
        (
            ["{a}", "{b}", "--predict", "{b}"],
            "--predict: takes one folder, a sweep's or a joint report's",
        ),
        (["{a}", "--experiment", "x"], "--experiment: cannot go with sweeps' folders, got {a}"),
        (["--experiment", "a/b"], "--experiment: its name cannot be a folder's name; add --out FOLDER"),
        (["{a}", "--runs", "x"], "--runs: needs --experiment NAME, whose sweeps it looks for"),
        (["--experiment", "nobody"], "MLflow at {uri}: no experiment 'nobody'; there are: Default, digits"),
        (
            ["--experiment", "digits", "--runs", "{full}"],
            "--experiment: digits has 2 sweeps (digits, plain), none ",
        ),
    ],
)
def test_what_cannot_be_joined_is_one_line(arguments, reason, both, tmp_path, monkeypatch, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("of the user")
    a, b = both.sweeps
    uri = SweepFolder(a).read_record().tracking_uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    places = {"a": a, "b": b, "gone": tmp_path / "gone", "full": full, "uri": uri}
    assert main([word.format(**places) for word in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(reason.format(**places))
    assert said.count("\n") == 1
    assert [file.name for file in full.iterdir()] == ["file"]
