"""``data: both``: on which data the canary runs besides."""

from dataclasses import replace

import pytest

from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY, OLD_DATA, Book, Night
from platform.nights.plan.load_plan import load_plan
from platform.nights.running.old_data import is_old, on_old_data
from tests.nights.made_nights import comparison

CANARY_YAML = """
epochs: 1
image_size: 8
data: {source: digits, seed: 1}
model: {backbone: test_resnet}
method: {name: cross_entropy}
"""
TONIGHT = Night("digits", "2026-12-02", "running", "2026-12-02T22:30:00+01:00")
OLD, NEW = "0123456789abcdef", "fedcba9876543210"


def done(date, digest):
    series = f"cpu | data {digest[:12]} | settings s"
    compared = comparison("same", (0.9,), subject=CANARY, series=series)
    return replace(TONIGHT, date=date, state="done", comparisons=(compared,))


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "canary.yaml").write_text(CANARY_YAML)
    (tmp_path / "plan.yaml").write_text(
        f"time_zone: UTC\nstate: {tmp_path}/nightly\nnights:\n  digits: {{at: 30 22 * * *, data: both, "
        f"canary: {{space: {tmp_path}/canary.yaml}}}}\n"
    )
    return load_plan(tmp_path / "plan.yaml")


def asked(plan, nights, digest):
    book = Book({one.identity: one for one in nights})
    [canary] = plan.subjects["digits"]
    return on_old_data(plan, book, TONIGHT, canary, digest)


def keep_space(plan, identity, text):
    file = NightFolder.of(plan.state, identity).space(CANARY)
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_the_same_data_or_a_first_night_ask_for_nothing(plan):
    assert asked(plan, [], NEW) == (None, None)
    assert asked(plan, [done("2026-12-01", NEW)], NEW) == (None, None)


def test_another_source_leaves_the_old_one_to_run_on(plan):
    keep_space(plan, "digits@2026-12-01", CANARY_YAML.replace("seed: 1", "seed: 2"))
    subject, note = asked(plan, [done("2026-12-01", OLD)], NEW)
    assert note is None
    assert subject.name == OLD_DATA and subject.is_canary
    assert subject.loaded.first().data.seed == 2
    assert subject.overrides == ('data={"source": "digits", "seed": 2}',)


def test_data_that_changed_in_place_are_gone_and_it_says_so(plan):
    keep_space(plan, "digits@2026-12-01", CANARY_YAML)
    subject, note = asked(plan, [done("2026-12-01", OLD)], NEW)
    assert subject is None
    assert "have changed in place" in note


def test_what_was_pruned_is_said(plan):
    subject, note = asked(plan, [done("2026-12-01", OLD)], NEW)
    assert subject is None and "is not known any more" in note


def test_only_the_data_of_that_night_are_the_old_ones():
    book = Book({"digits@2026-12-01": done("2026-12-01", OLD)})
    assert is_old(book, TONIGHT, NEW, OLD)
    assert not is_old(book, TONIGHT, NEW, "1" * 16)
