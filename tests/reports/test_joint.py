"""Two real sweeps in one report: peer at 16 px, and plain cross-entropy at 24 px, on the same digits."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.datasets.prepare import prepare, save_manifest
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.spooled_writer import SpooledWriter
from platform.tracking.writer import SweepWriter
from platform.training.checkpoints import save_checkpoint
from platform.training.trainer import Trainer
from platform.tuning.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.sweep_folder import SweepFolder
from reports.__main__ import main
from reports.build import Report, build_report
from reports.winner import read_winner

PLAIN = """\
epochs: 2
batch_size: 64
image_size: 24
augment: {horizontal_flip: 0.0}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [0.001, 0.1]}}
data: {source: digits, imbalance: 10, noise: {kind: symmetric, rate: 0.3}}
search: {trials: 1}
report: {top: 2}
"""


@dataclass(frozen=True)
class Runs:
    """``digits`` and ``plain``, two sweeps' folders in ``path``, and where their joint report goes."""

    path: Path

    @property
    def sweeps(self) -> list[Path]:
        return [self.path / "digits", self.path / "plain"]

    @property
    def joint(self) -> Path:
        return self.path / "digits+plain"

    def copy(self, into: Path) -> "Runs":
        shutil.copytree(self.path, into)
        return Runs(into)

    def build(self, **options) -> Report:
        return build_report(self.joint, joining=self.sweeps, **options)


@pytest.fixture(scope="module")
def both(reported, tmp_path_factory):
    """The sweep with its report, and beside it a plain one without. Nobody may change them."""
    path = tmp_path_factory.mktemp("both") / "runs"
    sweep = reported[0].copy(path)
    make_plain(SweepFolder(path / "plain"), sweep)
    return Runs(path)


@pytest.fixture(scope="module")
def joined(both, tmp_path_factory):
    """A copy with the joint report, and what that said. Nobody may change it."""
    runs = both.copy(tmp_path_factory.mktemp("joined") / "runs")
    return runs, runs.build()


@pytest.fixture
def runs(both, tmp_path):
    """A copy without the joint report that a test may change."""
    return both.copy(tmp_path / "runs")


def make_plain(folder, beside):
    """What a search leaves behind of one trial of one epoch."""
    folder.trials.mkdir(parents=True)
    folder.space.write_text(PLAIN)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    data = prepare(config.data, config.image_size)
    save_manifest(data, folder.manifest)
    state = SweepWriter.open(beside.state.uri, "digits", "plain").state
    trainer = Trainer(config.trial(), data)
    checkpoint = folder.trials / "0000" / "checkpoint_1"
    with SpooledWriter(state, folder.spool) as writer:
        record = DatasetRecord("digits", "digits", data.digest, {}, data.classes)
        writer.log_sweep(SweepDescription(PLAIN, "a plan\n", {}, 0, record))
        writer.start_trial("0000", searched={}, constants={}, config=trainer.config.model_dump(mode="json"))
        writer.report("0000", 1, trainer.train_epoch())
        save_checkpoint(checkpoint, trainer)
        writer.finish_trial("0000", "finished", checkpoint=str(checkpoint))
        writer.finish("finished")
        writer.catch_up()
    identity = replace(beside.folder.read_record(), name="plain", parent_run_id=state.parent_run_id)
    folder.write_record(identity)


def test_one_table_holds_the_trials_of_both_with_their_methods(joined):
    runs, report = joined
    rows = report.rows()
    assert {(row["trial"], row["method"]) for row in rows} == {
        *((f"digits/{trial}", "peer") for trial in ("0000", "0001", "0002", "0004")),
        ("plain/0000", "cross_entropy"),
    }
    values = [one.best for one in report.ranking]
    assert values == sorted(values, reverse=True)
    table = pd.read_csv(runs.joint / "trials.csv")
    assert set(table["trial"]) >= {row["trial"] for row in rows}


def test_members_of_several_sizes_see_the_images_at_their_own(joined):
    """Else their metrics would not be those of training, which a notice would say."""
    _, report = joined
    assert {one.ranked.trial.trial_id for one in report.ensembles.evaluated} >= {"plain/0000"}
    assert report.notices == []


def test_the_best_of_each_sweep_is_a_candidate_however_low_it_ranks(runs):
    report = runs.build(top=1)
    best = {
        name: next(t for one in report.ranking if (t := one.trial.trial_id).startswith(name))
        for name in ("digits", "plain")
    }
    evaluated = [one.ranked.trial.trial_id for one in report.ensembles.evaluated]
    assert set(evaluated) == set(best.values())
    assert evaluated[0] == report.ranking[0].trial.trial_id


def test_what_a_checkpoint_says_of_validation_is_kept_in_its_own_sweep(joined):
    runs, report = joined
    kept = {sweep.name: len(list((sweep / "validation").glob("*.npz"))) for sweep in runs.sweeps}
    assert kept["plain"] == 1
    assert kept["digits"] >= len(report.ensembles.evaluated) - 1
    assert not (runs.joint / "validation").exists()


def test_the_page_links_to_the_sweeps_own_pages_and_says_how_often_test_was_scored_in_all(joined):
    runs, report = joined
    page = report.page.read_text(encoding="utf-8")
    assert 'href="../../digits/report/index.html"' in page
    assert "plain <span" in page, "which has no page"
    assert (runs.joint / "report" / "../../digits/report/index.html").resolve().exists()
    assert report.test.times == 2, "once by the sweep's own report, once by this one"
    assert "scored twice for these sweeps, in this report and their own" in page


def test_it_is_made_again_from_its_folder_wherever_all_lie_and_test_is_not_scored_again(joined, tmp_path):
    runs, first = joined
    moved = runs.copy(tmp_path / "elsewhere")
    assert json.loads((moved.joint / "joint.json").read_text())["sweeps"] == ["../digits", "../plain"]
    again = build_report(moved.joint)
    assert again.test == first.test
    assert again.rows() == first.rows()


def test_it_predicts_with_members_of_several_sweeps(joined, tmp_path, capsys):
    runs, report = joined
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (20, 30), "red").save(tmp_path / "photos" / "a.png")
    file = tmp_path / "predictions.csv"
    assert main([str(runs.joint), "--predict", str(tmp_path / "photos"), "--out", str(file)]) == 0
    winner = read_winner(runs.joint / "report")
    assert f"predicted with {winner}" in capsys.readouterr().out
    assert all("/" in member.trial for member in winner.members)
    row = pd.read_csv(file).iloc[0]
    assert row.filter(like="p_").sum() == pytest.approx(1, abs=1e-5)
    assert report.ensembles.winner is None or winner.rule == report.ensembles.winner.rule


def test_checkpoints_that_are_gone_or_cut_short_are_named_skipped_and_counted(runs):
    [weights] = (runs.path / "plain" / "trials").rglob("network_1.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    shutil.rmtree(runs.path / "digits" / "trials" / "0004")
    report = runs.build(top=10)
    *named, counted = report.notices
    assert sorted(named)[0] == (
        "Trial digits/0004 was left out of the ensembles: trial 0004: has no checkpoint"
    )
    assert sorted(named)[1].startswith("Trial plain/0000 was left out of the ensembles: ")
    assert "network_1.safetensors" in sorted(named)[1]
    assert counted == "So 2 of 5 checkpoints were left out."
    evaluated = {one.ranked.trial.trial_id for one in report.ensembles.evaluated}
    assert evaluated == {"digits/0000", "digits/0001", "digits/0002"}


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
        (unlike_metric, "they look for different things (val/accuracy (max); val/macro_accuracy (max))"),
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
    assert runs.build(top=1).notices == ["1 of 2 sweeps has no trial that reported val/accuracy: plain."]
    shutil.rmtree(runs.joint)
    empty(a)
    with pytest.raises(UserError, match="no trial of these sweeps reported val/accuracy: there is nothing"):
        runs.build()
    assert not runs.joint.exists()


def test_mlflow_that_does_not_answer_is_one_line_where_no_spool_has_a_sweep(runs, capsys):
    folder = SweepFolder(runs.sweeps[1])
    folder.spool.unlink()
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
    gone = f"1 of 2 sweeps of the experiment is left out, for want of a folder in {runs.path}: plain."
    assert gone in out.splitlines()
    page = runs.path / "experiment-digits" / "report" / "index.html"
    assert f"report: {page}" in out
    assert gone in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "runs/NAME: name a sweep's folder, several, or --experiment NAME"),
        (["{a}", "{a}"], "{a}: is named 2 times; a joint report takes each sweep once"),
        (["{a}", "{gone}"], "{gone}: is not a sweep's folder (it has no sweep.json)"),
        (
            ["{a}", "{b}", "--out", "{b}"],
            "--out: {b} is a sweep's own folder; name another for the joint report",
        ),
        (["{a}", "{b}", "--out", "{full}"], "--out: {full} holds something else than a joint report; "),
        (
            ["{a}", "{b}", "--predict", "{b}"],
            "--predict: takes one folder, a sweep's or that of a joint report",
        ),
        (["{a}", "--experiment", "x"], "--experiment: cannot go with folders of sweeps, got {a}"),
        (["--experiment", "a/b"], "--experiment: its name cannot name a folder; say --out FOLDER"),
        (["{a}", "--runs", "x"], "--runs: needs --experiment NAME, whose sweeps' folders it holds"),
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
