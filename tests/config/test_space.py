"""Samples and corners of a space."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform.config.document import Document
from platform.config.ranges import Choice, NumberRange, parse_ranges
from platform.config.space import MAX_CORNERS, Space


def space(tree):
    return Space(parse_ranges(tree, Document("test")))


CONDITIONAL = {
    "method": {
        "choice": [
            {"name": "peer", "drop_rate": {"uniform": [0.1, 0.9]}},
            {"name": "cross_entropy", "smoothing": {"choice": [0.0, 0.1]}},
        ]
    },
    "lr": {"loguniform": [1e-4, 1e-1]},
}


def test_a_section_of_a_choice_brings_its_ranges_only_when_it_is_chosen():
    asked = []

    def suggest(name, range_):
        asked.append(name)
        return (
            "cross_entropy" if name == "method" else range_.labels[1] if isinstance(range_, Choice) else 0.01
        )

    resolved = space(CONDITIONAL).resolve(suggest)
    assert asked == ["method", "method[cross_entropy].smoothing", "lr"]
    assert resolved.tree == {"method": {"name": "cross_entropy", "smoothing": 0.1}, "lr": 0.01}


def test_parameters_say_where_they_are_and_when_they_are_active():
    described = [(p.name, p.path, str(p.range), p.condition) for p in space(CONDITIONAL).parameters()]
    assert described == [
        ("method", "method", "choice [peer, cross_entropy]", ""),
        ("method[peer].drop_rate", "method.drop_rate", "uniform [0.1, 0.9]", "method = peer"),
        (
            "method[cross_entropy].smoothing",
            "method.smoothing",
            "choice [0.0, 0.1]",
            "method = cross_entropy",
        ),
        ("lr", "lr", "loguniform [0.0001, 0.1]", ""),
    ]


def test_corners_are_every_combination_of_ends_and_options():
    corners = [corner.tree for corner in space(CONDITIONAL).corners()]
    assert len(corners) == 8
    assert {"method": {"name": "peer", "drop_rate": 0.9}, "lr": 1e-4} in corners
    assert {"method": {"name": "cross_entropy", "smoothing": 0.1}, "lr": 1e-1} in corners


def test_a_tree_without_ranges_has_one_corner():
    assert [corner.tree for corner in space({"a": 1, "b": [1, {"c": None}]}).corners()] == [
        {"a": 1, "b": [1, {"c": None}]}
    ]


def test_a_large_space_still_shows_every_end_and_every_pair_of_neighbours():
    tree = {f"p{index}": {"int": [index, index + 100]} for index in range(24)}
    corners = [corner.tree for corner in space(tree).corners()]
    assert len(corners) <= 2 * MAX_CORNERS
    for index in range(24):
        assert {corner[f"p{index}"] for corner in corners} == {index, index + 100}
        pairs = {(corner[f"p{index}"] == index, corner[f"p{(index + 1) % 24}"] > 99) for corner in corners}
        assert len(pairs) == 4


def test_options_may_be_lists_sections_null_and_ranges():
    tree = {"choice": [None, 3, "text", [1, 2], {"name": "deep", "x": {"int": [1, 2]}}, {"uniform": [0, 1]}]}
    choice = space({"a": tree}).tree["a"]
    assert choice.labels == (None, 3, "text", "[1, 2]", "deep", "uniform [0, 1]")
    values = [corner.tree["a"] for corner in space({"a": tree}).corners()]
    assert values == [None, 3, "text", [1, 2], {"name": "deep", "x": 1}, {"name": "deep", "x": 2}, 0, 1]


def test_sections_of_one_name_are_numbered():
    tree = {"choice": [{"name": "step", "gamma": 0.1}, {"name": "step", "gamma": 0.5}]}
    assert space({"a": tree}).tree["a"].labels == ("option 0", "option 1")


@given(st.integers(-50, 50), st.integers(1, 50), st.sampled_from(["int", "uniform"]))
def test_corners_of_a_number_range_are_its_ends(low, width, kind):
    assert [corner.tree["x"] for corner in space({"x": {kind: [low, low + width]}}).corners()] == [
        low,
        low + width,
    ]


@pytest.mark.parametrize(
    ("kind", "is_log", "is_int"),
    [("uniform", False, False), ("loguniform", True, False), ("int", False, True), ("logint", True, True)],
)
def test_kinds_of_ranges(kind, is_log, is_int):
    parsed = NumberRange(kind, 1, 2)
    assert (parsed.is_log, parsed.is_int) == (is_log, is_int)
