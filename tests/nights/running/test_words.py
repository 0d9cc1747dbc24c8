"""What the plan lays over each space of a night, and each space's share of the budget and of the time."""

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from platform.nights.ledger.records import Book, Champion, Night, SweepRun
from platform.nights.plan.load_plan import load_plan
from platform.nights.running.words import arguments_of, budget_of, until

SPACE = """
epochs: 2
image_size: 8
data: {{source: digits}}
model: {{backbone: test_resnet}}
method: {{name: cross_entropy}}
search: {{trials: {trials}}}
optim: {{lr: {lr}}}
"""
PLAN = """
time_zone: Europe/Berlin
state: {folder}/nightly
out: {folder}/runs
nights:
  digits:
    at: 30 22 * * *
    finish_by: "07:00"
    canary: {{space: {folder}/canary.yaml, seeds: 5}}
    spaces:
    - {{space: {folder}/small.yaml, weight: 1, overrides: [epochs=3]}}
    - {{space: {folder}/large.yaml, weight: 3}}
    budget: {{time: 2h, gpu_hours: 8}}
    start_with: {{last: 2, champion: true}}
    confirm: {{top: 2, seeds: 3}}
"""
NIGHT = Night("digits", "2026-12-02", "running", "2026-12-02T22:30:00+01:00")


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    range_ = "{loguniform: [1e-3, 1e-1]}"
    (folder / "canary.yaml").write_text(SPACE.format(trials=1, lr=0.1))
    (folder / "small.yaml").write_text(SPACE.format(trials=6, lr=range_))
    (folder / "large.yaml").write_text(SPACE.format(trials=18, lr=range_) + "experiment: birds\n")
    (folder / "plan.yaml").write_text(PLAN.format(folder=folder))
    return load_plan(folder / "plan.yaml")


def subject(plan, name):
    return next(one for one in plan.subjects["digits"] if one.name == name)


def words(plan, name, book=None, left_s=None):
    return arguments_of(plan, book or Book(), NIGHT, subject(plan, name), left_s)


def test_the_canary_has_its_seeds_and_no_budget(plan):
    given = words(plan, "canary", left_s=60.0)
    assert given[0].endswith("canary.yaml")
    assert "search.confirm={top: 1, seeds: 4, reserve: 0.00}" in given
    assert not [one for one in given if one.startswith(("search.budget", "search.start_with"))]
    assert "tracking.tags.night=digits@2026-12-02" in given
    assert f'tracking.tags.nights="{plan.state}/index.html"' in given
    assert given[-4:-2] == ["--name", "digits@2026-12-02-canary"]


def test_a_space_has_the_nights_name_as_experiment_unless_it_names_one(plan):
    assert "experiment=digits" in words(plan, "small")
    assert not [one for one in words(plan, "large") if one.startswith("experiment=")]


def test_the_repeats_keep_their_share_of_the_budget(plan):
    assert "search.confirm={top: 2, seeds: 3, reserve: 0.50}" in words(plan, "small")
    assert "search.confirm={top: 2, seeds: 3, reserve: 0.25}" in words(plan, "large")


def test_the_budget_is_shared_by_weight_and_by_the_time_that_is_left(plan):
    small, large = subject(plan, "small"), subject(plan, "large")
    assert budget_of(plan, NIGHT, small, None).model_dump() == {
        "time": "1800s",
        "epochs": None,
        "gpu_hours": 2.0,
    }
    assert budget_of(plan, NIGHT, small, 400.0).time == "100s"
    assert budget_of(plan, NIGHT, large, 400.0).time == "400s", "the last one has all that is left"
    assert budget_of(plan, NIGHT, large, None).gpu_hours == 6.0


def test_sweeps_end_before_reports_must_begin(plan):
    past = [
        replace(NIGHT, date=f"2026-11-{day:02}", state="done", report_seconds=600.0 if day == 5 else 60.0)
        for day in range(1, 12)
    ]
    book = Book({one.identity: one for one in past})
    zone = ZoneInfo("Europe/Berlin")
    assert until(plan, Book(), NIGHT) == datetime(2026, 12, 3, 7, tzinfo=zone)
    assert until(plan, book, NIGHT) == datetime(2026, 12, 3, 6, 59, tzinfo=zone)


def test_a_search_begins_with_the_best_of_the_last_night_and_of_the_champions(plan):
    def ran(date, name, champion=None):
        sweep = f"digits@{date}-{name}"
        (plan.out / sweep).mkdir(parents=True, exist_ok=True)
        (plan.out / sweep / "sweep.json").write_text(json.dumps({}))
        run = SweepRun(name, sweep, "x.yaml", "val/accuracy", 0.9, 3, 0, 1.0, 0.0, None)
        shipped = champion and Champion("m v1", "champion", "first", sweep, f"digits@{date}")
        return Night("digits", date, "done", f"{date}T22:30:00+01:00", sweeps=(run,), champion=shipped)

    nights = [
        ran("2026-11-29", "small", champion=True),
        ran("2026-11-30", "small"),
        ran("2026-12-01", "large"),
    ]
    book = Book({one.identity: one for one in nights})
    starts = [one for one in words(plan, "small", book) if one.startswith("search.start_with")]
    both = "{from: digits@2026-11-30-small, best: 2}, {from: digits@2026-11-29-small, best: 1}"
    assert starts == [f"search.start_with=[{both}]"]
    [large] = [one for one in words(plan, "large", book) if one.startswith("search.start_with")]
    assert large == "search.start_with=[{from: digits@2026-12-01-large, best: 2}]"
