"""The four verdicts: who is suspected, who is confirmed, and what cannot be told."""

import math
from dataclasses import replace
from statistics import fmean, variance
from typing import Any

import numpy as np
import pytest
from scipy import stats

from platform.nights.verdicts.holm import holm
from platform.nights.verdicts.judgement import is_suspicion, judge, seeds_needed
from platform.nights.verdicts.measured import Measured
from platform.nights.verdicts.verdict import Case, decide

SAID: dict[str, Any] = {"metric": "val/accuracy", "direction": "max", "min_change": 0.005}


def night(*values, first=0):
    return Measured({first + place: value for place, value in enumerate(values)})


def around(mean, *, first=0, spread=0.01):
    """Five seeds whose mean is ``mean``."""
    return night(*(mean + spread * one for one in (-1.0, -0.5, 0.0, 0.5, 1.0)), first=first)


def drawn(mean, *, seeds=5, spread=0.01, random):
    return night(*(mean + spread * random.normal(size=seeds)))


def level_drawn_anew(nights=10, spread=0.01):
    random = np.random.default_rng(5)
    return [drawn(0.9, spread=spread, random=random) for _ in range(nights)]


def case(tonight, level, fresh=None, **changes):
    return replace(Case("canary", **SAID, tonight=tonight, level=level, fresh=fresh), **changes)


def verdict_on(*arguments, **changes):
    (decision,) = decide([case(*arguments, **changes)])
    return decision


def test_the_first_look_is_students_t_where_the_level_is_one_night():
    level, tonight = night(0.91, 0.93, 0.92, 0.90), night(0.89, 0.90, 0.88)
    expected = stats.ttest_ind(list(tonight.values.values()), list(level.values.values()))
    looked = judge(tonight, [level], **SAID)
    assert looked.difference == pytest.approx(0.89 - 0.915)
    assert looked.p == pytest.approx(expected.pvalue)
    assert looked.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_nights_that_are_drawn_anew_make_the_level_more_precise():
    level = level_drawn_anew()
    one, all_of_them = (judge(around(0.88), level[:n], **SAID) for n in (1, 10))
    assert all_of_them.error < one.error
    assert all_of_them.freedom > one.freedom


def test_the_same_night_written_down_ten_times_makes_it_no_more_precise():
    tonight = around(0.88)
    once, often = (judge(tonight, [around(0.9)] * n, **SAID) for n in (1, 10))
    assert often.error == pytest.approx(once.error)
    assert often.freedom == pytest.approx(once.freedom)
    assert often.p == pytest.approx(once.p)


@pytest.mark.parametrize(
    ("direction", "of_tonight", "word"),
    [("max", 0.86, "worse"), ("max", 0.94, "better"), ("min", 0.86, "better"), ("min", 0.94, "worse")],
)
def test_fresh_seeds_confirm_a_change(direction, of_tonight, word):
    fresh = around(of_tonight + 0.001, first=100)
    decision = verdict_on(around(of_tonight), level_drawn_anew(), fresh, direction=direction)
    assert decision.verdict == word
    assert decision.is_confirmed
    assert decision.p < 0.02
    assert decision.mean == pytest.approx(of_tonight + 0.001)  # the fresh seeds' alone
    assert decision.difference == pytest.approx(decision.mean - decision.level)
    assert decision.low < decision.difference < decision.high
    assert decision.why.startswith("5 fresh seeds confirm it: val/accuracy is ")
    assert f" {word} than the level" in decision.why


def test_a_suspicion_alone_decides_nothing():
    decision = verdict_on(around(0.86), level_drawn_anew())
    assert decision.is_suspicion and not decision.is_confirmed
    assert decision.verdict == "unclear"
    assert decision.why.endswith("but no fresh seeds ran to confirm it.")


def test_fresh_seeds_that_are_as_before_lift_a_suspicion():
    decision = verdict_on(around(0.86), level_drawn_anew(), around(0.899, first=100))
    assert decision.verdict == "unclear"
    assert decision.is_confirmed
    assert "which does not confirm it" in decision.why
    assert decision.seeds_needed > 10


def test_fresh_seeds_on_the_other_side_confirm_nothing():
    decision = verdict_on(around(0.86), level_drawn_anew(), around(0.94, first=100))
    assert decision.p < 0.02
    assert decision.verdict == "unclear"


def test_fresh_seeds_decide_nothing_where_nothing_was_suspected():
    decision = verdict_on(around(0.898), level_drawn_anew(), around(0.86, first=100))
    assert not decision.is_suspicion
    assert decision.verdict == "unclear"


def test_fresh_seeds_that_failed_decide_nothing():
    fresh = Measured({100: 0.86, 101: math.nan, 102: math.nan})
    decision = verdict_on(around(0.86), level_drawn_anew(), fresh)
    assert decision.verdict == "unclear"
    assert "too few finished" in decision.why


def test_a_change_below_the_smallest_that_matters_is_no_suspicion():
    looked = judge(around(0.896, spread=1e-4), level_drawn_anew(spread=1e-4), **SAID)
    assert looked.p < 1e-6
    assert not is_suspicion(looked)
    decision = verdict_on(around(0.896, spread=1e-4), level_drawn_anew(spread=1e-4))
    assert decision.verdict == "same"  # equivalent within 0.005
    assert "lies within ±0.005" in decision.why


def test_same_is_an_interval_of_90_percent_within_the_smallest_change():
    looked = judge(around(0.9), level_drawn_anew(), **SAID)
    low, high = looked.interval(0.90)
    just_wider = 1.001 * max(-low, high)
    just_narrower = 0.999 * max(-low, high)
    assert verdict_on(around(0.9), level_drawn_anew(), min_change=just_wider).verdict == "same"
    assert verdict_on(around(0.9), level_drawn_anew(), min_change=just_narrower).verdict == "unclear"


def test_an_unclear_verdict_says_how_many_seeds_it_takes():
    decision = verdict_on(around(0.9), level_drawn_anew(), min_change=0.001)
    looked = judge(around(0.9), level_drawn_anew(), **{**SAID, "min_change": 0.001})
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.80)
    assert decision.seeds_needed == math.ceil(2 * z**2 * looked.seed_variance / 0.001**2)
    assert f"with {decision.seeds_needed} seeds a night" in decision.why
    assert seeds_needed(0.0, 0.001) == 2


def test_values_that_are_equal_to_an_earlier_night_are_the_same():
    level = [*level_drawn_anew(3), around(0.86)]
    decision = verdict_on(around(0.86), level)
    assert (decision.verdict, decision.is_identical, decision.p) == ("same", True, 1.0)
    assert decision.why == "All 5 seeds give exactly the values of an earlier night."
    alone = verdict_on(around(0.86), [around(0.86)] * 3)
    assert (alone.difference, alone.low, alone.high) == (0.0, 0.0, 0.0)


def test_values_that_differ_in_one_bit_are_not_identical():
    values = {**around(0.86).values, 4: math.nextafter(0.87, 1)}
    assert not verdict_on(Measured(values), [around(0.86)]).is_identical


def test_values_that_are_equal_on_average_but_not_on_each_image_are_not_identical():
    right_SN = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    values = {0: 2 / 3, 1: 2 / 3}
    tonight, before = Measured(values, right_SN), Measured(values, right_SN[:, ::-1].copy())
    assert verdict_on(tonight, [Measured(values, right_SN.copy())]).is_identical
    assert not verdict_on(tonight, [before]).is_identical


def test_a_failed_seed_does_not_hide_that_the_others_are_equal():
    tonight = Measured({**around(0.86).values, 2: math.nan})
    assert verdict_on(tonight, [around(0.86)]).is_identical


def test_a_series_begins_without_a_level():
    decision = verdict_on(around(0.86), [])
    assert decision.verdict is None
    assert decision.level is None and decision.difference is None and decision.p is None
    assert decision.mean == pytest.approx(0.86)
    assert decision.why.startswith("A series begins here")


@pytest.mark.parametrize(
    ("tonight", "level", "reason"),
    [
        (Measured({0: 0.9}), [around(0.9)], "1 seed finished tonight, and a comparison takes two"),
        (Measured({0: math.nan, 1: math.inf}), [around(0.9)], "no seeds finished tonight"),
        (around(0.9), [Measured({0: 0.9, 1: math.nan})], "no night of the level has two finished seeds"),
    ],
)
def test_too_few_seeds_are_unclear_and_say_so(tonight, level, reason):
    decision = verdict_on(tonight, level)
    assert decision.verdict == "unclear"
    assert reason in decision.why
    assert decision.p is None and decision.seeds_needed is None


def test_seeds_that_make_no_difference_leave_a_change_without_doubt():
    same, lower = night(0.9, 0.9, 0.9), night(0.8, 0.8, 0.8)
    decision = verdict_on(lower, [same], night(0.8, 0.8, 0.8, first=100))
    assert (decision.verdict, decision.p) == ("worse", 0.0)
    assert decision.images_low is None
    other_seeds = night(0.9, 0.9, 0.9, first=7)
    assert verdict_on(other_seeds, [same]).verdict == "same"
    assert verdict_on(other_seeds, [same]).p == 1.0


def test_holm_over_all_suspicions_of_the_night():
    """A p of 0.015 is enough alone, and not beside a second suspicion of 0.5."""
    level = [around(0.9)]
    alone = case(around(0.87), level, around(0.8846, first=100))
    other = replace(alone, subject="birds", fresh=around(0.8951, first=100))
    (single,) = decide([alone])
    first, second = decide([alone, other])
    assert 0.01 < single.p < 0.02 < second.p
    assert single.verdict == "worse"
    assert first.p == pytest.approx(2 * single.p)
    assert (first.verdict, second.verdict) == ("unclear", "unclear")
    without_suspicion = replace(alone, subject="calm", tonight=around(0.899), fresh=None)
    assert decide([alone, without_suspicion])[0].p == single.p


def test_a_suspicion_without_fresh_seeds_still_counts_for_holm():
    level = [around(0.9)]
    alone = case(around(0.87), level, around(0.8846, first=100))
    first, _ = decide([alone, replace(alone, subject="birds", fresh=None)])
    assert first.verdict == "unclear"


def test_holms_adjusted_values():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def finalists(*means):
    return [around(mean) for mean in means]


def test_finalists_are_compared_with_how_much_nights_differ():
    """t of a new night against n nights: (x - mean) / (s sqrt(1 + 1 / n)), n - 1 degrees of freedom."""
    means = [0.90, 0.93, 0.88, 0.91]
    looked = judge(around(0.85), finalists(*means), **SAID, between_nights=True)
    error = math.sqrt(variance(means) * (1 + 1 / 4))
    assert looked.error == pytest.approx(error)
    assert looked.p == pytest.approx(2 * stats.t.sf(abs(0.85 - fmean(means)) / error, 3))
    assert looked.p > 0.05 > judge(around(0.85), finalists(*means), **SAID).p
    assert looked.seeds_needed is None


def test_more_seeds_of_finalists_take_their_part_of_the_variance_only():
    means = [0.90, 0.93, 0.88, 0.91]
    ten = night(*(0.85 + 0.01 * one for one in (-1.0, -0.5, 0.0, 0.5, 1.0) * 2))
    five = judge(around(0.85), finalists(*means), **SAID, between_nights=True)
    more = judge(ten, finalists(*means), **SAID, between_nights=True)
    assert more.error**2 == pytest.approx(five.error**2 - more.seed_variance * (1 / 5 - 1 / 10), rel=1e-3)


def test_nights_that_differ_less_than_their_seeds_would_are_given_the_seeds_variance():
    nights = [night(0.90, 0.94, 0.86), night(0.86, 0.90, 0.94), night(0.94, 0.86, 0.90)]
    looked = judge(night(0.8, 0.84, 0.76), nights, **SAID, between_nights=True)
    assert looked.error == pytest.approx(math.sqrt(looked.seed_variance / 3 * (1 + 1 / 3)))


def test_finalists_are_unclear_before_three_nights():
    decision = verdict_on(around(0.8), finalists(0.9, 0.91), between_nights=True)
    assert decision.verdict == "unclear"
    assert "the level has 2 nights, and how much nights differ is known from 3" in decision.why


def test_finalists_need_more_as_fresh_seeds_do_not_draw_the_search_anew():
    means = [0.88, 0.89, 0.90, 0.91, 0.92]
    low = case(around(0.81), finalists(*means), around(0.812, first=100), between_nights=True)
    (decision,) = decide([low])
    assert 0.002 < decision.p < 0.02
    assert decision.verdict == "unclear"
    assert decide([low], p_limit_between_nights=0.02)[0].verdict == "worse"
