"""Which nights `prune` leaves."""

from dataclasses import replace

from platform.nights.ledger.ledger import Ledger
from platform.nights.review.kept_nights import measured_of_level, nights_to_prune
from tests.nights.made_nights import NOW, comparison, night
from tests.nights.review.plans import DAYS, plan_of


def test_the_first_night_of_each_month_stays_if_asked(tmp_path):
    ledger = Ledger(tmp_path / "state")
    days = ["2026-08-03", "2026-08-04", "2026-09-01", "2026-09-02", "2026-10-05", "2026-10-06", "2026-10-07"]
    for day in days:
        ledger.append(night(day, verdict="better"), at=NOW)
    ledger.append(night("2026-10-08", state="skipped"), at=NOW)
    gone, _ = nights_to_prune(plan_of(tmp_path, monthly=True), ledger.read())
    assert [one.date for one in gone] == ["2026-08-04", "2026-09-02"]


def test_another_series_does_not_count_as_the_level(tmp_path):
    ledger = Ledger(tmp_path / "state")
    for number, day in enumerate(DAYS[:6]):
        compared = (comparison("same", series="cpu" if number < 2 else "gpu"),)
        ledger.append(night(day, verdict="same", comparisons=compared), at=NOW)
    gone, stay = nights_to_prune(plan_of(tmp_path), ledger.read())
    assert [one.date for one in gone] == [*DAYS[:2], DAYS[3]]
    assert stay == {f"digits@{DAYS[2]}": "the level begins with it"}
    assert measured_of_level(ledger.read()) == {f"digits@{day}" for day in DAYS[2:6]}


def test_a_night_that_the_plan_has_no_more_is_left_alone(tmp_path):
    ledger = Ledger(tmp_path / "state")
    ledger.append(replace(night(DAYS[0]), night="birds"), at=NOW)
    _, stay = nights_to_prune(plan_of(tmp_path), ledger.read())
    assert stay == {f"birds@{DAYS[0]}": "the plan has no night of this name any more"}
