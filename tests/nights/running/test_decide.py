"""What a tick decides, with a clock that the test sets."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from platform.config.errors import UserError
from platform.nights.ledger.records import Book, Fingerprint, Night
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.running.decide import MOST_ATTEMPTS, decide

BERLIN = ZoneInfo("Europe/Berlin")
PRINT = Fingerprint("abc", False, "code", "lock", {"canary": "s"}, {"canary": "d"}, "cpu")


def berlin(*when):
    return datetime(*when).replace(tzinfo=BERLIN)


DUE = berlin(2026, 11, 30, 22, 30)


def plan(**night):
    settings = {"at": "30 22 * * *", "canary": {"space": "canary.yaml"}} | night
    return PlanConfig.model_validate({"time_zone": "Europe/Berlin", "nights": {"digits": settings}})


def night(date, state="done", fingerprint=PRINT, **more):
    due = datetime.fromisoformat(f"{date}T22:30:00").replace(tzinfo=BERLIN)
    return Night(
        "digits", date, state, due.isoformat(), began=due.isoformat(), fingerprint=fingerprint, **more
    )


def book(*nights, begun=DUE - timedelta(days=30)):
    return Book({one.identity: one for one in nights}, begun={"digits": begun.isoformat()})


def decided(config, known, now, running=None, fingerprint=PRINT):
    found = decide(config, known, now, running=running, fingerprint=lambda name: fingerprint)
    return [(one.identity, one.action) for one in found], [one.reason for one in found]


def test_the_first_tick_runs_what_has_just_come_due():
    actions, reasons = decided(plan(), book(begun=DUE + timedelta(minutes=11)), DUE + timedelta(minutes=11))
    assert actions == [("digits@2026-11-30", "run")]
    assert reasons == ["the first night"]


def test_what_was_due_before_the_plan_was_first_run_is_not_missed():
    begun = berlin(2026, 12, 1, 10)
    assert decided(plan(), book(begun=begun), begun) == ([], [])


def test_a_night_that_is_new_in_an_old_plan_has_missed_nothing():
    known = Book({}, begun={"others": (DUE - timedelta(days=99)).isoformat()})
    assert decided(plan(), known, DUE)[0] == [("digits@2026-11-30", "run")]


def test_nothing_is_due_before_its_time_or_twice():
    assert decided(plan(), book(night("2026-11-29")), DUE - timedelta(seconds=1))[0] == []
    assert decided(plan(), book(night("2026-11-30")), DUE + timedelta(hours=5))[0] == []


def test_a_clock_that_was_set_back_runs_nothing_again():
    known = book(night("2026-11-30"), night("2026-12-01"))
    assert decided(plan(), known, DUE - timedelta(days=2))[0] == []


def test_five_days_without_a_tick_are_one_run_and_the_rest_is_missed():
    actions, _ = decided(plan(), book(night("2026-11-25", fingerprint=None)), DUE + timedelta(minutes=3))
    missed = [(f"digits@2026-11-{day}", "miss") for day in range(26, 30)]
    assert actions == [*missed, ("digits@2026-11-30", "run")]


def test_a_night_that_is_seen_too_late_is_missed():
    actions, [reason] = decided(plan(), book(night("2026-11-29")), DUE + timedelta(hours=4))
    assert actions == [("digits@2026-11-30", "miss")]
    assert reason == "first seen 4 h late, more than start_within (3h)"


def test_nothing_changed_is_skipped_and_says_since_when():
    actions, [reason] = decided(plan(), book(night("2026-11-29")), DUE)
    assert actions == [("digits@2026-11-30", "skip")]
    assert reason == "nothing has changed since digits@2026-11-29: same code, packages, spaces, data, device"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"code": "other"}, "the code changed"),
        ({"lock": "other", "data": {}}, "the packages and the data have changed"),
        ({"device": "NVIDIA H200"}, "the device changed"),
        ({"spaces": {}}, "the spaces changed"),
    ],
)
def test_what_changed_is_the_reason_to_run(changed, words):
    actions, [reason] = decided(plan(), book(night("2026-11-29")), DUE, fingerprint=replace(PRINT, **changed))
    assert actions == [("digits@2026-11-30", "run")]
    assert reason == f"{words} since digits@2026-11-29"


def test_another_commit_of_the_same_code_is_no_change():
    same = replace(PRINT, commit="def", dirty=True)
    assert decided(plan(), book(night("2026-11-29")), DUE, fingerprint=same)[0] == [
        ("digits@2026-11-30", "skip")
    ]


def test_after_a_failed_night_it_runs_though_nothing_changed():
    known = book(night("2026-11-28"), night("2026-11-29", "failed"))
    actions, [reason] = decided(plan(), known, DUE)
    assert actions == [("digits@2026-11-30", "run")]
    assert reason == "digits@2026-11-29 was not done: it failed"


def test_the_canary_alone_runs_after_long_without_a_change():
    known = book(night("2026-11-22"), *(night(f"2026-11-{day}", "skipped") for day in range(23, 30)))
    [decision] = decide(plan(), known, DUE, running=None, fingerprint=lambda name: PRINT)
    assert (decision.action, decision.canary_only) == ("run", True)
    [never] = decide(plan(heartbeat=None), known, DUE, running=None, fingerprint=lambda name: PRINT)
    assert never.action == "skip"


@pytest.mark.parametrize(("overlap", "action"), [("skip", "skip"), ("wait", "wait"), ("stop", "stop_other")])
def test_where_another_night_still_runs_the_plan_says_what(overlap, action):
    known = book(night("2026-11-29", "running"))
    actions, [reason] = decided(plan(overlap=overlap), known, DUE, running="digits@2026-11-29")
    assert actions == [("digits@2026-11-30", action)]
    assert reason == "digits@2026-11-29 was still running"


def test_a_night_whose_process_died_goes_on():
    known = book(night("2026-11-30", "running", attempt=1, pid=7, host="here"))
    actions, [reason] = decided(plan(), known, DUE + timedelta(hours=1))
    assert actions == [("digits@2026-11-30", "run")]
    assert reason == "its process (7 on here) died: attempt 2"


def test_a_night_that_died_is_not_ended_with_other_code():
    known = book(night("2026-11-30", "running", attempt=1, pid=7, host="here"))
    other = replace(PRINT, code="other")
    actions, [reason] = decided(plan(), known, DUE + timedelta(hours=1), fingerprint=other)
    assert actions == [("digits@2026-11-30", "fail")]
    assert reason == "its process (7 on here) died, and the code changed since"


def test_one_that_runs_in_another_process_is_left_alone():
    known = book(night("2026-11-30", "running", attempt=1))
    assert decided(plan(), known, DUE + timedelta(hours=1), running="digits@2026-11-30")[0] == []


def test_a_night_that_died_gives_way_to_the_next_one():
    known = book(night("2026-11-29", "running", attempt=1), begun=DUE - timedelta(days=3))
    actions, _ = decided(plan(), known, DUE)
    assert actions == [("digits@2026-11-29", "fail"), ("digits@2026-11-30", "run")]


def test_a_night_that_always_dies_fails():
    known = book(night("2026-11-30", "running", attempt=MOST_ATTEMPTS))
    assert decided(plan(), known, DUE + timedelta(hours=1))[0] == [("digits@2026-11-30", "fail")]


def test_a_night_that_died_and_was_taken_out_of_the_plan_is_stopped():
    gone = replace(night("2026-11-29", "running", attempt=1, pid=7, host="here"), night="old")
    known = book(gone, night("2026-11-30"))
    actions, reasons = decided(plan(), known, DUE + timedelta(hours=1))
    assert (actions, reasons) == ([("old@2026-11-29", "stop")], ["not in the plan any more"])
    assert decided(plan(), known, DUE + timedelta(hours=1), running="old@2026-11-29")[0] == []


def test_with_too_little_time_until_the_end_it_is_skipped():
    config = plan(finish_by="22:45", min_time="10m")
    actions, [reason] = decided(config, book(begun=DUE), DUE + timedelta(minutes=10))
    assert actions == [("digits@2026-11-30", "skip")]
    assert reason == "5 min were left until 22:45, less than min_time (10m)"


def test_data_that_cannot_be_read_fail_the_night_and_not_the_tick():
    def gone(name):
        raise UserError("data.source: photos does not exist: /data is there")

    [decision] = decide(plan(), book(begun=DUE), DUE, running=None, fingerprint=gone)
    assert (decision.action, decision.reason) == (
        "fail",
        "data.source: photos does not exist: /data is there",
    )


def test_jitter_delays_the_start_and_not_the_name():
    config = plan(jitter="2h", start_within="3h")
    assert decided(config, book(begun=DUE), DUE)[0] == []
    assert decided(config, book(begun=DUE), DUE + timedelta(hours=2))[0] == [("digits@2026-11-30", "run")]


@pytest.mark.parametrize(
    ("now", "date"),
    [(berlin(2027, 3, 28, 3, 5), "2027-03-28"), (berlin(2026, 10, 25, 2, 35), "2026-10-25")],
)
def test_daylight_saving_gives_one_night_a_date(now, date):
    config = plan(at="30 2 * * *")
    known = book(begun=now - timedelta(minutes=1))
    assert decided(config, known, now)[0] == [(f"digits@{date}", "run")]
    later = book(night(date), begun=now - timedelta(minutes=1))
    assert decided(config, later, now + timedelta(hours=1, minutes=30))[0] == []
