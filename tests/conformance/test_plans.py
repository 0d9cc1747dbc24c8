"""Every plan in search_spaces/nightly/ is right, with its canary and spaces, and says what it would do."""

import json
from pathlib import Path

import pytest

from platform.nightly import main

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / "search_spaces" / "nightly").glob("*.yaml"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.name)
def test_a_plan_is_complete_commented_and_can_be_planned(path, run_here, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#") and "python -m platform.nightly" in text
    done = run_here(main, "plan", path, "--json")
    assert done.returncode == 0, done.stderr
    for night in json.loads(done.stdout)["nights"]:
        assert len(night["next"]) == 5
        assert next(one["subject"] for one in night["subjects"]) == "canary"


def test_every_file_beside_is_a_plan_or_a_canary_that_a_plan_names():
    plans = "".join(path.read_text(encoding="utf-8") for path in PLANS)
    canaries = [path for path in (ROOT / "search_spaces" / "canaries").rglob("*") if path.is_file()]
    assert PLANS and canaries
    assert sorted(path for path in (ROOT / "search_spaces" / "nightly").rglob("*") if path.is_file()) == PLANS
    assert all(path.relative_to(ROOT).as_posix() in plans for path in canaries)


def test_a_plan_names_every_setting():
    """So that nobody has to open the source to know what may be said."""
    from platform.nights.plan.notify_config import NotifyConfig
    from platform.nights.plan.plan_config import NightConfig, PlanConfig

    text = (ROOT / "search_spaces" / "nightly" / "digits.yaml").read_text(encoding="utf-8")
    for section in (PlanConfig, NightConfig, NotifyConfig):
        for name in section.model_fields:
            assert f"{name}:" in text, f"{section.__name__}.{name}"
