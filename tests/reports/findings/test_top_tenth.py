"""What the best trials share, where chance can be counted out."""

from itertools import combinations

import pytest

from platform.config.ranges import Choice, NumberRange
from platform.config.space import Space
from reports.findings.branches import Branch
from reports.findings.top_tenth import commonness, narrowness, shared_values
from reports.ranking.rank import RankedTrial

SPACE = Space(
    {
        "lr": NumberRange("uniform", 0.0, 1.0),
        "kind": Choice(("a", "b", "<script>"), ("a", "b", "<script>")),
        "depth": NumberRange("int", 1, 4),
    }
)


def ranked(values):
    return [
        Branch(RankedTrial(rank, None, best=0.5, best_epoch=1, last=0.5, mean_of_last_3=0.5, epochs=1), one)
        for rank, one in enumerate(values, start=1)
    ]


@pytest.mark.parametrize("spanned", [3, 4, 6, 9])
def test_narrowness_equals_a_count_of_all_draws(spanned):
    draws = list(combinations(range(9), 3))
    narrow = sum(max(draw) - min(draw) + 1 <= spanned for draw in draws)
    assert narrowness(3, spanned, 9) == pytest.approx(narrow / len(draws))


@pytest.mark.parametrize("agreeing", [0, 1, 2, 3])
def test_commonness_equals_a_count_of_all_draws(agreeing):
    draws = list(combinations(range(9), 3))
    common = sum(sum(one < 4 for one in draw) >= agreeing for draw in draws)
    assert commonness(3, agreeing, 9, 4) == pytest.approx(common / len(draws))


def test_values_that_only_the_best_have_are_a_surprise_and_come_first():
    values = [{"lr": rank / 40, "kind": "ab"[rank % 2], "depth": 1 + (rank * 3) % 4} for rank in range(40)]
    first, *others = shared_values(SPACE, ranked(values))
    assert first.parameter.name == "lr"
    assert (first.top, first.trials) == (4, 40)
    assert (first.in_top, first.in_all) == ("0 to 0.075", "0 to 0.975")
    assert first.is_surprising
    assert not any(one.is_surprising for one in others)


def test_an_option_is_told_with_how_many_have_it():
    values = [{"kind": "<script>" if rank < 5 else "ab"[rank % 2]} for rank in range(40)]
    (only,) = shared_values(Space({"kind": SPACE.tree["kind"]}), ranked(values))
    assert (only.in_top, only.in_all) == ("<script> in 4 of 4", "<script> in 5 of 40")
    assert only.is_surprising


def test_of_few_trials_nothing_is_said():
    assert shared_values(SPACE, ranked([{"lr": 0.5, "kind": "a", "depth": 1}] * 19)) == []


def test_a_parameter_below_an_option_is_judged_among_the_trials_that_drew_it():
    values = [
        {"kind": "a", "depth": 1, "lr": rank / 60} if rank % 2 else {"kind": "b", "depth": 2}
        for rank in range(60)
    ]
    found = {one.parameter.name: one for one in shared_values(SPACE, ranked(values))}
    assert (found["lr"].trials, found["lr"].top) == (30, 3)


def test_values_that_are_all_alike_are_no_surprise():
    found = shared_values(SPACE, ranked([{"lr": 0.5, "kind": "a", "depth": 1}] * 30))
    assert [one.chance for one in found] == [1, 1, 1]
