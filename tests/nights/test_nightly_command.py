"""``python -m platform.nightly``: what a plan must not say, one line each, and what its verbs print."""

import json

import pytest

from platform.nightly import main

PLAN = """time_zone: Europe/Berlin
state: {state}
out: {out}
nights:
  digits:
    at: 30 22 * * *
    finish_by: "07:00"
    canary: {{space: {canary}, seeds: 3}}
    spaces: [{space}]
"""
SMALL = """
epochs: 1
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
"""


@pytest.fixture
def written(tmp_path):
    """A plan with a canary and a space; ``written(old, new)`` is its path with a text replaced."""
    (tmp_path / "canary.yaml").write_text(SMALL)
    (tmp_path / "space.yaml").write_text(
        SMALL + "optim: {lr: {loguniform: [1e-3, 1e-1]}}\nsearch: {trials: 2}\n"
    )
    names = {"state": "nightly", "out": "runs", "canary": "canary.yaml", "space": "space.yaml"}
    text = PLAN.format(**{name: tmp_path / file for name, file in names.items()})

    def write(old="", new="", more=""):
        assert old in text
        (tmp_path / "plan.yaml").write_text(text.replace(old, new, 1) + more)
        return tmp_path / "plan.yaml"

    return write


@pytest.mark.parametrize(
    ("old", "new", "more", "words"),
    [
        ("time_zone: Europe/Berlin\n", "", "", ":1:1: time_zone: is missing"),
        ("Europe/Berlin", "Berlin", "", ":1:12: time_zone: must be an IANA time zone such as Europe/Berlin"),
        (
            "30 22 * * *",
            "0 0 31 2 *",
            "",
            ":6:9: nights.digits.at: is not a cron expression (Bad day-of-month)",
        ),
        ("canary.yaml", "space.yaml", "", "the canary must have the same settings every night, but"),
        ("space.yaml", "nowhere.yaml", "", "nights.digits.spaces.0: there is no space"),
        ('"07:00"', '"22:00"', "", ":7:16: nights.digits.finish_by: lies before at (30 22 * * *)"),
        ("", "", "notify: {to: [{webhook: slack}]}\n", "notify.to.0.webhook: must be a URL"),
        ("", "", "notify: {to: [{webhook: https://me:pw@x.org}]}\n", "must not hold a password"),
        ("seeds: 3", "seeds: 2", "", "nights.digits.canary.seeds: must be >= 3, got 2"),
        ("    at:", "    metric: x\n    at:", "", "nights.digits.metric: unknown key 'metric'"),
        ("seeds: 3", "seeds: {int: [3, 5]}", "", "nights.digits.canary.seeds: is a range: a plan has none"),
    ],
)
def test_a_mistake_in_a_plan_is_one_line_with_its_place(run_here, written, tmp_path, old, new, more, words):
    done = run_here(main, "plan", written(old, new, more))
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "nightly").exists()


def test_an_environment_variable_that_is_not_set_is_named_before_anything_runs(run_here, written, tmp_path):
    plan = written(more="notify: {to: [{webhook: $NOT_SET_HERE}]}\n")
    done = run_here(main, "run-due", plan)
    assert done.returncode == 2
    assert (
        "plan.yaml:10:25: notify.to.0.webhook: the environment variable NOT_SET_HERE is not set"
        in done.stderr
    )
    assert not (tmp_path / "nightly").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "{}", "digits@2026-11-30", "digits@2026-12-01"],
        ["accept", "{}", "digits@2026-11-30", "--why", "x"],
        ["bisect", "{}", "digits@2026-11-30", "--seeds", "9"],
    ],
)
def test_a_night_that_is_not_there_is_one_line(run_here, written, arguments):
    plan = written()
    done = run_here(main, *[str(plan) if one == "{}" else one for one in arguments])
    assert (done.returncode, done.stderr) == (
        2,
        "digits@2026-11-30: no such night; the last ones are none yet\n",
    )


def test_the_seeds_of_a_bisect_may_be_asked_for(run_here, written):
    done = run_here(main, "bisect", written(), "digits@2026-11-30", "--seeds", "2")
    assert (done.returncode, done.stderr) == (2, "--seeds: a canary has at least 3, got 2\n")


def test_a_time_that_is_none_is_one_line(run_here, written):
    done = run_here(main, "run-due", written(), "--now", "yesterday")
    assert done.returncode == 2
    assert done.stderr == "--now: must be a time such as 2026-11-30T22:41+01:00, got 'yesterday'\n"


def test_the_plan_says_when_in_words_and_for_programs(run_here, written):
    now = ["--now", "2026-11-30T22:41+01:00"]
    said = run_here(main, "plan", written(), *now).stdout
    assert "digits: at 22:30 every day (30 22 * * *)" in said
    assert "    Tue 2026-12-01 22:30 +0100" in said
    assert "canary: " in said and "3 seeds of 1 epochs at most" in said
    [night] = json.loads(run_here(main, "plan", written(), "--json", *now).stdout)["nights"]
    assert night["night"] == "digits"
    assert night["next"][0] == "2026-12-01T22:30:00+01:00" and len(night["next"]) == 5


def test_nothing_due_writes_no_night_and_status_says_so(run_here, written, tmp_path):
    plan = written()
    done = run_here(main, "run-due", plan, "--now", "2026-11-30T10:00+01:00")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run_here(main, "status", plan).stdout == f"no night yet in {tmp_path}/nightly/\n"
    status = json.loads(run_here(main, "status", plan, "--json", "--now", "2026-11-30T10:00+01:00").stdout)
    assert status["nights"] == [] and status["next"] == {"digits": "2026-11-30T22:30:00+01:00"}


def test_a_look_ahead_decides_and_leaves_nothing(run_here, written, tmp_path):
    done = run_here(main, "run-due", written(), "--dry-run", "--now", "2026-11-30T22:41+01:00")
    assert done.stdout == "digits@2026-11-30: would run: the first night\n"
    assert not (tmp_path / "nightly" / "ledger.jsonl").exists()


def test_a_state_folder_belongs_to_one_plan(run_here, written, tmp_path):
    quiet = ["--now", "2026-11-30T10:00+01:00"]
    plan = written()
    assert run_here(main, "run-due", plan, *quiet).returncode == 0
    other = plan.rename(tmp_path / "other.yaml")
    done = run_here(main, "run-due", other, *quiet)
    assert done.returncode == 2
    assert "belongs to the plan plan; give each its own" in done.stderr
