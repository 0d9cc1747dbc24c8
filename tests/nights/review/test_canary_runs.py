"""A bisect's canary runs the code of the commit's checkout, in a folder that is a checkout itself."""

import shutil

import pytest

from platform.nights.plan.load_plan import load_plan
from platform.nights.review.canary_runs import canary_runs
from platform.nights.review.commits import Commit
from platform.nights.review.question import Question
from tests.nights.review.test_bisect import CANARY, a_night

PLAN = """
time_zone: Europe/Berlin
state: {state}
nights:
  digits:
    at: 30 22 * * *
    canary: {{space: {space}, seeds: 3}}
"""
METRICS = "platform/training/evaluation/classification.py"
COMMIT = Commit("0123456789" * 4, "Ada", "Train nothing")


@pytest.mark.sweep
def test_the_canary_is_trained_by_the_code_of_the_checkout(root, environment, monkeypatch, tmp_path):
    """In the checkout every accuracy is 0.75; trials compute theirs in processes that Ray starts."""
    for folder in ("platform", "reports"):
        shutil.copytree(root / folder, tmp_path / "checkout" / folder)
    planted = tmp_path / "checkout" / METRICS
    text = planted.read_text()
    assert text.count('"accuracy": is_right_N.mean().item()') == 1
    planted.write_text(text.replace('"accuracy": is_right_N.mean().item()', '"accuracy": 0.75'))
    monkeypatch.chdir(root)  # itself a checkout, whose accuracies are not
    monkeypatch.setenv("MLFLOW_TRACKING_URI", environment["MLFLOW_TRACKING_URI"])
    space, plan_file = tmp_path / "canary.yaml", tmp_path / "plan.yaml"
    space.write_text(CANARY)
    plan_file.write_text(PLAN.format(state=tmp_path / "nightly", space=space))
    plan = load_plan(plan_file)
    night = a_night("2026-11-30", COMMIT.sha, "worse")
    asked = Question(night, (), night, night.comparisons[0], (COMMIT, COMMIT), 3, 0.01, False)
    folder = tmp_path / "bisect"
    measured = canary_runs(plan, asked, folder)(tmp_path / "checkout", COMMIT, 3)
    assert not isinstance(measured, str), measured
    assert measured.values == {0: 0.75, 1: 0.75, 2: 0.75}
    assert measured.images_SN is None  # they do not agree with it
