"""The report of a sweep in which no trial came to anything."""

from dataclasses import replace

import pandas as pd

from platform.tracking.writing.writer import SweepWriter
from reports.build.build import build_report


def test_a_sweep_of_failures_only_has_a_page_with_the_causes(sweep):
    writer = SweepWriter.open(sweep.state.uri, "digits", "hopeless")
    for index in range(3):
        writer.start_trial(f"{index}", searched={"optim.lr": 1.0}, constants={}, config={})
        writer.finish_trial(f"{index}", "failed", cause="TrainingDiverged: <b>nan</b>")
    writer.finish("failed")
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, name="hopeless", parent_run_id=writer.state.parent_run_id))
    report = build_report(sweep.folder.path)
    assert report.contents.ranking == []
    assert report.rows() == []
    assert (report.contents.ensembles, report.contents.test) == (None, None)
    page = report.page.read_text()
    assert "No trial reported val/accuracy" in page
    assert "TrainingDiverged: &lt;b&gt;nan&lt;/b&gt;" in page
    assert 'id="ranking"' not in page
    assert pd.read_csv(sweep.folder.trials_csv)["outcome"].tolist() == ["failed"] * 3


def test_a_sweep_without_a_single_trial_has_a_page(sweep):
    writer = SweepWriter.open(sweep.state.uri, "digits", "none")
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, parent_run_id=writer.state.parent_run_id))
    report = build_report(sweep.folder.path)
    assert report.contents.ranking == []
    assert "0 trials" in report.page.read_text()
