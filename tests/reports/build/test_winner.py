"""What the report says that it chose, for ``--predict`` to read."""

import json
import shutil
from dataclasses import replace

import pytest

from platform.datasets.geometry import KeptSize
from platform.tracking.writing.writer import SweepWriter
from reports.build.build import build_report
from reports.build.winner import FILE, read_winner, write_winner
from reports.ensembles.selection import Ensemble
from reports.evaluation.checkpoints import checkpoint_digest
from reports.sweeps.inputs import read_inputs


def test_the_report_records_what_it_chose(reported):
    sweep, report = reported
    winner = read_winner(sweep.folder.report)
    chosen = report.contents.ensembles.winner
    assert winner.rule == (chosen.rule if chosen else None)
    assert (winner.metric, winner.classes) == ("val/accuracy", tuple("0123456789"))
    assert winner.kept == KeptSize.automatic(16)
    record = json.loads((sweep.folder.report / FILE).read_text())
    limits = {"bits": 16, "max_bytes": 256_000_000, "max_pixels": 90_000_000}
    assert record["kept"] == {"limit": 18, "side": 16, **limits}, "as before there were rectangles"
    for member in winner.members:
        assert member.checkpoint.startswith(f"trials/{member.trial}/")
        assert member.digest == checkpoint_digest(sweep.folder.path / member.checkpoint)


@pytest.mark.parametrize("best", [None, Ensemble("vote", (0, 2), {"val/accuracy": 0.9})])
def test_an_ensemble_wins_if_it_beats_the_best_single_trial(best, reported, tmp_path):
    sweep, report = reported
    inputs = read_inputs(sweep.folder.path, None)
    elsewhere = replace(inputs, folder=replace(inputs.folder, path=tmp_path))
    write_winner(elsewhere, report.contents.ranking, replace(report.contents.ensembles, winner=best))
    winner = read_winner(tmp_path / "report")
    names = [report.contents.ranking[place].trial.trial_id for place in ((0, 2) if best else (0,))]
    assert [member.trial for member in winner.members] == names
    folders = [report.contents.ensembles.evaluated[place].checkpoint for place in ((0, 2) if best else (0,))]
    assert [member.checkpoint for member in winner.members] == list(map(str, folders))  # not in that folder
    if best:
        assert str(winner) == f"vote of 2 trials ({', '.join(names)}), val/accuracy 0.9000 on validation"
    else:
        assert (winner.rule, winner.value) == (
            None,
            report.contents.ensembles.evaluated[0].metrics["val/accuracy"],
        )
        assert str(winner) == f"trial {names[0]}, val/accuracy {winner.value:.4f} on validation"


def test_without_its_data_the_best_trial_whose_checkpoint_is_there_is_chosen(sweep, tmp_path):
    space = sweep.folder.space
    space.write_text(space.read_text().replace("source: digits", "source: ./gone, clean_label: label"))
    writer = SweepWriter.open(sweep.state.uri, "digits", "again")
    for trial, accuracy in (("0000", 0.9), ("0001", 0.4), ("0002", 0.6)):
        shutil.rmtree(sweep.folder.trials / trial, ignore_errors=accuracy == 0.9)
        folder = sweep.folder.trials / trial / "checkpoint_1"
        writer.start_trial(trial, searched={}, constants={}, config={})
        writer.report(trial, 1, {"val/accuracy": accuracy})
        if accuracy < 0.9:
            shutil.copytree(next((sweep.folder.trials / "0004").glob("checkpoint_*")), folder)
        writer.finish_trial(trial, "finished", checkpoint=str(folder))
    writer.finish("finished")
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, parent_run_id=writer.state.parent_run_id))
    build_report(sweep.folder.path)
    winner = read_winner(sweep.folder.report)
    assert (winner.rule, winner.value, winner.members[0].trial) == (None, 0.6, "0002")

    shutil.rmtree(sweep.folder.trials)
    build_report(sweep.folder.path)
    assert not (sweep.folder.report / FILE).exists()


def test_a_record_of_format_2_which_knew_no_views_is_read_as_it_is(reported, tmp_path):
    kept = json.loads((reported[0].folder.report / FILE).read_text())
    older = {key: value for key, value in kept.items() if key != "kind"} | {"format": 2}
    older["members"] = [
        {key: value for key, value in one.items() if key not in ("view", "soup")} for one in kept["members"]
    ]
    (tmp_path / FILE).write_text(json.dumps(older))
    now = read_winner(reported[0].folder.report)
    assert read_winner(tmp_path) == now.model_copy(update={"format": 2})


def changed(kept, **values):
    return json.dumps(json.loads(kept) | values)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept[:-5],
        lambda kept: changed(kept, format=1),
        lambda kept: changed(kept, members=[]),
        lambda kept: changed(kept, rule="a rule that is gone"),
        lambda kept: changed(kept, more=1),
    ],
)
def test_a_record_that_this_version_did_not_write_is_none(change, reported, tmp_path):
    kept = (reported[0].folder.report / FILE).read_text()
    shutil.copytree(reported[0].folder.report, tmp_path, dirs_exist_ok=True)
    assert read_winner(tmp_path) is not None
    (tmp_path / FILE).write_text(change(kept))
    assert read_winner(tmp_path) is None
