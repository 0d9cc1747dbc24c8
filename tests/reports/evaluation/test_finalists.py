import json

import pytest

from reports.evaluation.checkpoints import ReportError
from reports.evaluation.finalists import Finalist, score_once, scorings

SINGLE = Finalist("best single trial", None, ("a",), ("digest-a",))
VOTE = Finalist("vote of 2", "vote", ("a", "b"), ("digest-a", "digest-b"))


class Scorer:
    """Counts what it is asked to score."""

    def __init__(self):
        self.asked = []

    def __call__(self, finalists):
        self.asked.append([finalist.name for finalist in finalists])
        return [{"accuracy": len(finalist.trials) / 10} for finalist in finalists]


def test_what_was_scored_is_kept_and_not_scored_again(tmp_path):
    score = Scorer()
    first = score_once([SINGLE, VOTE], "data", tmp_path, score)
    second = score_once([SINGLE, VOTE], "data", tmp_path, score)
    assert first == second == ([{"accuracy": 0.1}, {"accuracy": 0.2}], 1)
    assert score.asked == [["best single trial", "vote of 2"]]


def test_only_a_new_finalist_is_scored_and_counts(tmp_path):
    score = Scorer()
    score_once([SINGLE], "data", tmp_path, score)
    metrics, times = score_once([SINGLE, VOTE], "data", tmp_path, score)
    assert metrics == [{"accuracy": 0.1}, {"accuracy": 0.2}]
    assert times == 2
    assert score.asked == [["best single trial"], ["vote of 2"]]


def test_going_back_to_earlier_finalists_costs_nothing_but_the_count_stays(tmp_path):
    score = Scorer()
    score_once([SINGLE], "data", tmp_path, score)
    score_once([VOTE], "data", tmp_path, score)
    assert score_once([SINGLE], "data", tmp_path, score)[1] == 2
    assert len(score.asked) == 2


def test_scorings_are_counted_of_one_data_set(tmp_path):
    assert scorings(tmp_path, "data") == 0
    for finalists, data in (([SINGLE], "data"), ([VOTE], "data"), ([SINGLE, VOTE], "other data")):
        score_once(finalists, data, tmp_path, Scorer())
    assert scorings(tmp_path, "data") == 2
    assert scorings(tmp_path, "other data") == 1


@pytest.mark.parametrize(
    "other",
    [
        Finalist("x", None, ("a",), ("digest-c",)),
        Finalist("x", "vote", ("a",), ("digest-a",)),
        Finalist("x", None, ("a", "b"), ("digest-a", "digest-b")),
    ],
)
def test_other_checkpoints_or_another_rule_are_another_finalist(other):
    assert other.key("data") != SINGLE.key("data")


def test_names_and_the_order_of_members_do_not_matter_but_the_data_do():
    same = Finalist("other name", "vote", ("x", "y"), ("digest-b", "digest-a"))
    assert same.key("data") == VOTE.key("data")
    assert VOTE.key("other data") != VOTE.key("data")


def test_other_weights_of_the_same_members_are_another_finalist_in_whatever_order():
    def key(*shares, temperature=1.0):
        names, digests, weights = zip(*((one[0], one, weight) for one, weight in shares), strict=True)
        return Finalist("x", "greedy", names, digests, weights, temperature).key("data")

    kept = key(("a", 0.7), ("b", 0.3))
    assert key(("b", 0.3), ("a", 0.7)) == key(("a", 0.70001), ("b", 0.3)) == kept
    assert key(("a", 0.3), ("b", 0.7)) != kept
    assert key(("a", 0.7), ("b", 0.3), temperature=1.2) != kept


def test_when_test_was_scored_is_written_down(tmp_path):
    score_once([SINGLE], "data", tmp_path, Scorer())
    kept = json.loads((tmp_path / "finalists.json").read_text())
    [scoring] = kept["scorings"]
    assert scoring["finalists"] == [SINGLE.key("data")]
    assert kept["scores"][SINGLE.key("data")]["checkpoints"] == ["digest-a"]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"scorings": []}'])
def test_a_broken_file_is_an_error_and_nothing_is_scored(tmp_path, content):
    (tmp_path / "finalists.json").write_text(content)
    score = Scorer()
    with pytest.raises(ReportError, match="have test scored again"):
        score_once([SINGLE], "data", tmp_path, score)
    assert score.asked == []


def test_a_scoring_that_breaks_leaves_nothing_behind(tmp_path):
    def broken(_):
        raise RuntimeError("no more memory")

    with pytest.raises(RuntimeError):
        score_once([SINGLE], "data", tmp_path, broken)
    assert list(tmp_path.iterdir()) == []
