"""Fronts and their few, against plain loops over every pair of points."""

import random

import numpy as np
import pytest

from platform.tuning.pareto import by_preference, crowding_distances, dominates, front


@pytest.mark.parametrize("goals", [1, 2, 3])
def test_a_point_is_on_the_front_unless_another_dominates_it(goals):
    draws = random.Random(goals)
    points = [tuple(draws.randint(0, 5) for _ in range(goals)) for _ in range(40)]
    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert front(points) == expected
    assert 0 < sum(expected) < len(points)


def test_equal_points_are_on_the_front_together():
    assert front([(1, 2), (1, 2), (0, 2)]) == [True, True, False]
    assert front([]) == []


def test_few_of_a_front_lie_far_apart_with_the_best_in_the_first_goal_at_their_head():
    points = [(0.0, 10.0), (1.0, 9.9), (1.1, 9.8), (5.0, 5.0), (9.0, 1.0), (9.1, 0.9), (10.0, 0.0)]
    order = by_preference(points)
    assert order[0] == 6, "the best in the first goal"
    assert set(order[:3]) == {6, 0, 3}
    assert sorted(order) == list(range(len(points)))


def test_points_that_are_beaten_follow_by_the_first_goal():
    assert by_preference([(1.0, 1.0), (2.0, 2.0), (1.5, 1.5), (0.0, 3.0)]) == [1, 3, 2, 0]


def test_of_one_goal_the_order_is_the_ranking_and_ties_stay_as_they_are():
    gains = [(0.3,), (0.9,), (0.5,), (0.9,), (0.3,)]
    assert by_preference(gains) == [1, 3, 2, 0, 4]


def test_crowding_distances_are_those_of_the_paper():
    points = np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]])
    assert crowding_distances(points).tolist() == [np.inf, 2.0, np.inf]
    assert crowding_distances(np.ones((3, 2))).tolist() == [0, 0, 0]
