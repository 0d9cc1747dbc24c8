"""Several sweeps in one report: ranked, combined, made again, and predicted with."""

import json
import shutil

import pandas as pd
import pytest
from PIL import Image

from reports.__main__ import main
from reports.build.build import build_report
from reports.build.winner import read_winner


def test_one_table_holds_the_trials_of_both_with_their_methods(joined):
    runs, report = joined
    rows = report.rows()
    assert {(row["trial"], row["method"]) for row in rows} == {
        *((f"digits/{trial}", "peer") for trial in ("0000", "0001", "0002", "0004")),
        ("plain/0000", "cross_entropy"),
    }
    values = [one.best for one in report.contents.ranking]
    assert values == sorted(values, reverse=True)
    table = pd.read_csv(runs.joint / "trials.csv")
    assert set(table["trial"]) >= {row["trial"] for row in rows}


def test_members_of_several_sizes_see_the_images_at_their_own(joined):
    """Else their metrics would not be those of training, which a notice would say."""
    _, report = joined
    assert {one.ranked.trial.trial_id for one in report.contents.ensembles.evaluated} >= {"plain/0000"}
    assert report.contents.notices == []


def test_the_best_of_each_sweep_is_a_candidate_however_low_it_ranks(runs):
    report = runs.build(top=1)
    best = {
        name: next(t for one in report.contents.ranking if (t := one.trial.trial_id).startswith(name))
        for name in ("digits", "plain")
    }
    evaluated = [one.ranked.trial.trial_id for one in report.contents.ensembles.evaluated]
    assert set(evaluated) == set(best.values())
    assert evaluated[0] == report.contents.ranking[0].trial.trial_id


def test_what_a_checkpoint_says_of_validation_is_kept_in_its_own_sweep(joined):
    runs, report = joined
    kept = {sweep.name: len(list((sweep / "validation").glob("*.npz"))) for sweep in runs.sweeps}
    assert kept["plain"] == 1
    assert kept["digits"] >= len(report.contents.ensembles.evaluated) - 1
    assert not (runs.joint / "validation").exists()


def test_the_page_links_to_the_sweeps_own_pages_and_says_how_often_test_was_scored_in_all(joined):
    runs, report = joined
    page = report.page.read_text(encoding="utf-8")
    assert 'href="../../digits/report/index.html"' in page
    assert "plain (no page)" in page
    assert (runs.joint / "report" / "../../digits/report/index.html").resolve().exists()
    assert report.contents.test.times == 2, "once by the sweep's own report, once by this one"
    assert "scored twice for these sweeps, in this report and their own" in page


def test_it_is_made_again_from_its_folder_wherever_all_lie_and_test_is_not_scored_again(joined, tmp_path):
    runs, first = joined
    moved = runs.copy(tmp_path / "elsewhere")
    assert json.loads((moved.joint / "joint.json").read_text())["sweeps"] == ["../digits", "../plain"]
    again = build_report(moved.joint)
    assert again.contents.test == first.contents.test
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
    assert report.contents.ensembles.winner is None or winner.rule == report.contents.ensembles.winner.rule


def test_checkpoints_that_are_gone_or_cut_short_are_named_skipped_and_counted(runs):
    [weights] = (runs.path / "plain" / "trials").rglob("network_1.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    shutil.rmtree(runs.path / "digits" / "trials" / "0004")
    report = runs.build(top=10)
    *named, counted = report.contents.notices
    assert sorted(named)[0] == (
        "Trial digits/0004 was left out of the ensembles: trial 0004: has no checkpoint"
    )
    assert sorted(named)[1].startswith("Trial plain/0000 was left out of the ensembles: ")
    assert "network_1.safetensors" in sorted(named)[1]
    assert counted == "In total 2 of 5 checkpoints were left out."
    evaluated = {one.ranked.trial.trial_id for one in report.contents.ensembles.evaluated}
    assert evaluated == {"digits/0000", "digits/0001", "digits/0002"}
