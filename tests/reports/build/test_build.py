import csv
import html
import shutil
from dataclasses import replace

import numpy as np
import pytest

from platform.config.errors import UserError
from platform.datasets.preparation.prepare import prepare
from platform.tracking.connect import connect
from platform.tracking.reading.reader import read_sweep
from platform.tracking.writing.writer import SweepWriter
from platform.training.checkpoints.loading import load_predictor
from reports.build.build import build_report
from reports.ensembles.logit_adjustment import RULE as ADJUSTED
from reports.ensembles.rules import rules
from reports.evaluation import predictions
from reports.evaluation.checkpoints import ReportError
from reports.sweeps.inputs import read_inputs


@pytest.fixture(scope="module")
def built(finished_sweep, tmp_path_factory):
    """One report of the finished sweep, for the tests that only look at it."""
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("built"))
    said = []
    return sweep, build_report(sweep.folder.path, progress=said.append), said


def rows(sweep):
    with sweep.folder.trials_csv.open(newline="") as file:
        return list(csv.DictReader(file))


def test_trials_are_ranked_and_the_failed_one_is_not(built):
    _, report, said = built
    outcomes = {one.trial.trial_id: one.trial.outcome for one in report.contents.ranking}
    assert outcomes == {"0000": "finished", "0001": "finished", "0002": "pruned", "0004": "interrupted"}
    best = [one.best for one in report.contents.ranking]
    assert best == sorted(best, reverse=True)
    assert report.rows(2)[0]["trial"] == report.contents.ranking[0].trial.trial_id
    assert len(report.rows(2)) == 2
    assert said[0] == "reading the sweep"
    assert said[-1] == "writing the page"
    assert report.contents.notices == []


def test_the_sweeps_own_run_is_described_by_links_to_what_it_found(built):
    sweep, report, _ = built
    words = connect(sweep.state.uri).get_run(sweep.state.parent_run_id).data.tags["mlflow.note.content"]
    assert "/artifacts/report/index.html)" in words
    best = report.contents.ranking[0]
    assert f"runs/{best.trial.run_id}) | {best.best:.4f} |" in words
    assert "failed: TrainingDiverged" in words


def test_the_members_are_the_best_checkpoints_evaluated_again(built):
    _, report, _ = built
    evaluated = report.contents.ensembles.evaluated
    assert [one.ranked for one in evaluated] == report.contents.ranking[:3]
    for one in evaluated:
        assert one.metrics["val/accuracy"] == pytest.approx(one.ranked.best, abs=1e-6)


def test_an_ensemble_is_what_its_members_say_together(built):
    sweep, report, _ = built
    data = prepare(read_inputs(sweep.folder.path, None).data_config, 16)
    [mean] = [one for one in report.contents.ensembles.best if one.rule == "mean_probability"]
    predictors = [
        load_predictor(sweep.folder.trials / one.trial.trial_id / f"checkpoint_{one.best_epoch}")
        for one in (report.contents.ranking[place] for place in mean.members)
    ]
    together = np.mean([one.probabilities(one.loader(data, "val")) for one in predictors], axis=0)
    expected = (together.argmax(1) == data.given("val")).mean()
    assert mean.metrics["val/accuracy"] == pytest.approx(expected)
    clean = (together.argmax(1) == data.clean("val")).mean()
    assert mean.metrics["val/clean_accuracy"] == pytest.approx(clean)


def test_every_rule_is_tried_at_every_size_and_its_best_kept(built):
    _, report, _ = built
    found = report.contents.ensembles
    assert {(one.rule, len(one.members)) for one in found.grown} == {
        (name, size) for name, rule in rules().items() if not rule.fit and name != ADJUSTED for size in (2, 3)
    }
    assert [one.rule for one in found.best] == [*(name for name in rules() if name != ADJUSTED), ADJUSTED]
    for best in found.best:
        if rules()[best.rule].fit or best.rule == ADJUSTED:
            continue
        same = [one.metrics["val/accuracy"] for one in found.grown if one.rule == best.rule]
        assert best.metrics["val/accuracy"] == max(same)


def test_the_finalists_are_scored_on_the_clean_test_labels(built):
    sweep, report, _ = built
    assert report.contents.test.scores[0].name == "best single trial"
    assert len(report.contents.test.scores) == 1 + len(rules())
    assert (report.contents.test.labels, report.contents.test.times) == ("clean", 1)
    data = prepare(read_inputs(sweep.folder.path, None).data_config, 16)
    best = report.contents.ranking[0]
    predictor = load_predictor(sweep.folder.trials / best.trial.trial_id / f"checkpoint_{best.best_epoch}")
    predicted = predictor.probabilities(predictor.loader(data, "test")).argmax(1)
    expected = (predicted == data.clean("test")).mean()
    assert report.contents.test.scores[0].metrics["accuracy"] == pytest.approx(expected)
    assert report.contents.test.scores[0].gain is None
    for score in report.contents.test.scores[1:]:
        assert score.gain.difference == pytest.approx(score.metrics["accuracy"] - expected)
        assert score.gain.low <= score.gain.difference <= score.gain.high
    page = report.page.read_text()
    assert "Gains in accuracy are over the best single trial" in page


def test_trials_csv_has_every_trial_with_what_was_searched_and_measured(built):
    sweep, report, _ = built
    table = rows(sweep)
    assert [row["trial"] for row in table][:4] == [one.trial.trial_id for one in report.contents.ranking]
    assert [row["rank"] for row in table] == ["1", "2", "3", "4", ""]
    failed = table[-1]
    assert (failed["trial"], failed["outcome"]) == ("0003", "failed")
    assert failed["cause"].startswith("TrainingDiverged: ")
    first = table[0]
    assert float(first["val/accuracy best"]) == pytest.approx(report.contents.ranking[0].best)
    assert first["val/accuracy"] == first["val/accuracy best"]
    assert float(first["parameter optim.lr"]) == report.contents.ranking[0].trial.searched["optim.lr"]


def test_page_and_table_and_figures_go_to_the_parent_run(built):
    from platform.tracking.connect import connect

    sweep, report, _ = built
    client = connect(sweep.state.uri)
    run_id = sweep.state.parent_run_id
    names = {file.path for file in client.list_artifacts(run_id, "report")}
    learnt = {name for name in names if name.startswith("report/learnt-")}
    files = {"index.html", "finalists.json", "winner.json", "classes.csv", "suspect_labels.csv"}
    folders = {"tables", "figures"}
    assert names - learnt == {f"report/{name}" for name in files | folders}
    assert "trials.csv" in {file.path for file in client.list_artifacts(run_id)}
    metrics = client.get_run(run_id).data.metrics
    assert metrics["best/val/accuracy"] == pytest.approx(report.contents.ranking[0].best)
    assert metrics["test/accuracy/best single trial"] == report.contents.test.scores[0].metrics["accuracy"]


def test_building_again_scores_test_again_only_if_the_finalists_changed(sweep, monkeypatch):
    loaded = []

    def counting(checkpoint, *how):
        loaded.append(checkpoint)
        return load_predictor(checkpoint, *how)

    monkeypatch.setattr(predictions, "load_predictor", counting)
    first = build_report(sweep.folder.path)
    assert len(loaded) > 3, "of validation, then of test"
    loaded.clear()
    again = build_report(sweep.folder.path)
    assert not loaded, "what they say of validation is kept"
    assert again.contents.test == first.contents.test
    assert again.contents.ensembles.evaluated == first.contents.ensembles.evaluated

    [*_, cut] = (sweep.folder.path / predictions.FOLDER).iterdir()
    cut.write_bytes(cut.read_bytes()[:100])
    assert build_report(sweep.folder.path).contents.test == first.contents.test
    assert len(loaded) == 1, "one that was cut short is computed again"

    other = build_report(sweep.folder.path, top=2)
    trials = [{score.trials for score in one.contents.test.scores} for one in (first, other)]
    expected = 1 if trials[0] == trials[1] else 2
    assert other.contents.test.times == expected


def test_a_moved_sweep_keeps_its_checkpoints_and_scores(sweep, tmp_path):
    first = build_report(sweep.folder.path)
    moved = tmp_path / "elsewhere"
    shutil.move(sweep.folder.path, moved)
    again = build_report(moved)
    assert again.contents.test.times == 1
    assert again.contents.notices == []
    assert [one.digest for one in again.contents.ensembles.evaluated] == [
        one.digest for one in first.contents.ensembles.evaluated
    ]


def test_a_checkpoint_cut_short_is_named_and_the_others_go_on(sweep):
    best, second = build_report(sweep.folder.path).contents.ranking[:2]
    weights = (
        sweep.folder.trials / best.trial.trial_id / f"checkpoint_{best.best_epoch}" / "network_1.safetensors"
    )
    weights.write_bytes(weights.read_bytes()[:1000])
    report = build_report(sweep.folder.path)
    assert report.contents.ensembles.evaluated[0].ranked == second
    [notice] = report.contents.notices
    assert f"Trial {best.trial.trial_id} was left out of the ensembles" in notice
    assert "network_1.safetensors" in notice
    assert html.escape(notice, quote=False) in html.unescape(report.page.read_text())


def test_checkpoints_that_are_gone_are_named(sweep, finished_sweep, tmp_path):
    for trial in ("0000", "0001", "0002", "0004"):
        shutil.rmtree(sweep.folder.trials / trial)
    record = sweep.folder.read_record()
    writer = SweepWriter.open(sweep.state.uri, "digits", "gone")
    writer.start_trial("0000", searched={}, constants={}, config={})
    writer.report("0000", 1, {"val/accuracy": 0.5})
    writer.finish_trial("0000", "finished", checkpoint=str(tmp_path / "gone" / "checkpoint_1"))
    writer.start_trial("0004", searched={}, constants={}, config={})
    writer.report("0004", 1, {"val/accuracy": 0.4})
    writer.finish("interrupted")
    sweep.folder.write_record(replace(record, parent_run_id=writer.state.parent_run_id))
    report = build_report(sweep.folder.path)
    assert report.contents.ensembles is None
    first, second, counted = report.contents.notices
    assert "Trial 0000" in first
    assert "checkpoint_1 is gone" in first
    assert "trial 0004: has no checkpoint" in second
    assert counted == "In total 2 of 2 checkpoints were left out."


def test_without_its_data_the_page_is_made_and_says_what_is_missing(sweep):
    space = sweep.folder.space
    space.write_text(space.read_text().replace("source: digits", "source: ./gone, clean_label: label"))
    report = build_report(sweep.folder.path)
    assert len(report.contents.ranking) == 4
    assert report.contents.ensembles is None
    assert report.contents.test is None
    [notice] = report.contents.notices
    assert "for want of the data" in notice
    assert "gone" in notice


@pytest.mark.parametrize(
    ("statistic", "words"), [("best", None), ("mean_last_3", "the mean of their last three")]
)
def test_the_sweeps_statistic_decides_the_ranking(sweep, statistic, words):
    sweep.folder.write_record(replace(sweep.folder.read_record(), statistic=statistic))
    report = build_report(sweep.folder.path)
    values = [one.value(statistic) for one in report.contents.ranking]
    assert values == sorted(values, reverse=True)
    page = report.page.read_text(encoding="utf-8")
    assert (f"Trials are ranked by {words}" in page) == (words is not None)


def test_data_that_changed_are_not_judged_on(sweep):
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, data_digest="f" * 64))
    report = build_report(sweep.folder.path)
    assert report.contents.ensembles is None
    assert "no longer what the sweep learnt from" in report.contents.notices[0]


def test_a_sweep_without_a_test_split_says_so(sweep):
    data = prepare(read_inputs(sweep.folder.path, None).data_config, 16)
    is_test = (data.manifest["split"] == "test").to_numpy()
    kept = np.flatnonzero(~is_test)
    manifest = data.manifest.iloc[kept].reset_index(drop=True)
    report = build_report(
        sweep.folder.path, data=replace(data, manifest=manifest, images=data.images.take(kept))
    )
    assert report.contents.test is None
    assert "no test split" in report.page.read_text()
    assert not (sweep.folder.report / "finalists.json").exists()


def test_kept_scores_that_cannot_be_read_stop_the_report_before_test_is_touched(sweep):
    sweep.folder.report.mkdir()
    (sweep.folder.report / "finalists.json").write_text("{")
    with pytest.raises(ReportError, match=r"finalists\.json: cannot be read"):
        build_report(sweep.folder.path)
    assert not (sweep.folder.report / "index.html").exists()


def test_a_folder_that_is_no_sweep_is_one_line(tmp_path):
    with pytest.raises(UserError, match="is not a sweep's folder"):
        build_report(tmp_path)


def test_the_sweep_in_mlflow_is_left_as_it_was(built):
    sweep, _, _ = built
    trials = read_sweep(sweep.state.uri, sweep.state.parent_run_id).trials
    assert [(trial.trial_id, trial.outcome) for trial in trials] == [
        ("0000", "finished"),
        ("0001", "finished"),
        ("0002", "pruned"),
        ("0003", "failed"),
        ("0004", "interrupted"),
    ]


def test_test_is_not_scored_while_the_sweep_can_go_on(sweep):
    SweepWriter.from_state(sweep.state).finish("interrupted")
    report = build_report(sweep.folder.path)
    assert report.contents.test is None
    assert report.contents.notices == [
        "Test was not scored: the sweep is unfinished, its finalists are not fixed yet."
    ]
    assert not (sweep.folder.report / "finalists.json").exists()
