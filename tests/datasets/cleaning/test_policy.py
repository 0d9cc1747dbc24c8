"""Policies: what a rule may say, and in which order rules, answers and limits decide."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from platform.config.errors import ConfigError, UserError
from platform.datasets.audit.answers import Answer
from platform.datasets.audit.findings import Finding, findings_table
from platform.datasets.cleaning.apply import applied
from platform.datasets.cleaning.decide import decide
from platform.datasets.cleaning.limits import in_words, refuse_lost_classes, within_limits
from platform.datasets.cleaning.manifest_table import as_given
from platform.datasets.cleaning.policy import Limits, PolicyConfig, Rule, load_policy

POLICIES = sorted((Path(__file__).parents[3] / "search_spaces" / "policies").glob("*"))


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.name)
def test_every_policy_of_the_search_spaces_is_valid_and_commented(file):
    assert load_policy(file).rules
    text = file.read_text(encoding="utf-8")
    assert text.startswith("#") and f"--policy search_spaces/policies/{file.name}" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: [{kind: leek, action: drop}]", "rules.0.kind: must be one of .* did you mean 'leak'"),
        ("rules: [{kind: leak, action: weight}]", "rules.0.weight: is missing: it is needed with"),
        ("rules: [{kind: leak, action: drop, weight: 2}]", "weight: must be left out with action drop"),
        ("rules: [{kind: leak, action: drop, at_least: 2}]", "rules.0.at_least: must be <= 1, got 2"),
        ("limits: {least_images: {int: [1, 5]}}", "limits.least_images: is a range: a policy has none"),
        ("limit: {}", "unknown key 'limit'; did you mean 'limits'"),
    ],
)
def test_a_mistake_is_told_at_its_place(text, message, write_policy):
    with pytest.raises(ConfigError, match=rf"policy.yaml:1:\d+: .*{message}"):
        load_policy(write_policy(text))


def rows_of(labels, split="train", clean=None):
    paths = [f"{place:02d}.png" for place in range(len(labels))]
    rows = pd.DataFrame({"path": paths, "label": pd.Series(labels, dtype=object), "split": split})
    return as_given(rows)


def policy_of(*rules, **settings):
    return PolicyConfig(
        rules=tuple(Rule(kind=kind, action=action, **more) for kind, action, more in rules), **settings
    )


def said(path, answer, label=None):
    return {path: Answer(path=path, answer=answer, label=label, at=datetime(2026, 11, 30, tzinfo=UTC))}


def decided(rows, findings, policy, answers=None):
    found = decide(rows, findings_table(findings), answers or {}, policy)
    return {one.path: (one.action, one.label) for one in found.itertuples()}


def test_the_first_rule_that_fits_one_of_its_findings_decides():
    rows = rows_of(["a", "a", "a", "b"])
    findings = [
        Finding("00.png", "blurry", 0.9, "blurred"),
        Finding("00.png", "dark", 0.2, "dark"),
        Finding("01.png", "dark", 0.2, "dark"),
        Finding("02.png", "dark", 0.1, "dark"),
        Finding("gone.png", "dark", 0.9, "not in the manifest"),
    ]
    policy = policy_of(
        ("dark", "keep", {"at_least": 0.2, "group": "other"}),
        ("blurry", "keep", {}),
        ("dark", "drop", {"at_least": 0.15}),
    )
    assert decided(rows, findings, policy) == {"00.png": ("keep", None), "01.png": ("drop", None)}


def test_relabel_and_merge_need_a_suggestion_and_copies_keep_one():
    rows = rows_of(["a", "a", "a", "b"])
    findings = [
        Finding("00.png", "wrong_label", 0.9, "no class is likelier", "unlabel"),
        Finding("01.png", "duplicate", 1.0, "the same bytes", "merge:02.png", "g"),
        Finding("02.png", "duplicate", 1.0, "the largest", "look", "g"),
    ]
    policy = policy_of(
        ("wrong_label", "relabel", {}), ("wrong_label", "unlabel", {}), ("duplicate", "drop", {})
    )
    assert decided(rows, findings, policy) == {"00.png": ("unlabel", None), "01.png": ("drop", None)}


@pytest.mark.parametrize(
    ("answer", "label", "expected"),
    [
        ("right", "a", ("keep", None)),
        ("wrong", "b", ("relabel", "b")),
        ("wrong", None, ("unlabel", None)),
        ("off_topic", None, ("drop", None)),
        ("unsure", None, ("relabel", "b")),
    ],
)
def test_a_persons_answer_beats_scores(answer, label, expected):
    rows = rows_of(["a", "a", "b"])
    findings = [Finding("00.png", "wrong_label", 0.99, "neighbours", "relabel:b")]
    policy = policy_of(("wrong_label", "relabel", {}))
    assert decided(rows, findings, policy, said("00.png", answer, label)) == {"00.png": expected}
    ignoring = policy.model_copy(update={"answers": False})
    assert decided(rows, findings, ignoring, said("00.png", answer, label)) == {"00.png": ("relabel", "b")}


def test_who_says_that_a_label_is_right_says_nothing_about_copies():
    rows = rows_of(["a", "a", "b"])
    findings = [Finding("00.png", "leak", 1.0, "in val, too", "drop")]
    policy = policy_of(("leak", "drop", {}))
    assert decided(rows, findings, policy, said("00.png", "right", "a")) == {"00.png": ("drop", None)}


def test_an_answer_of_an_earlier_round_is_not_overruled_by_later_scores():
    rows = rows_of(["a", "a", "b"])
    policy = policy_of(("wrong_label", "relabel", {}))
    kept = applied(rows, decide(rows, findings_table([]), said("00.png", "right", "a"), policy), 1)
    findings = [Finding("00.png", "wrong_label", 0.99, "neighbours", "relabel:b")]
    assert decided(kept, findings, policy) == {}
    assert decided(kept, findings, policy, said("00.png", "wrong", "b")) == {"00.png": ("relabel", "b")}


def test_held_out_images_are_neither_unlabelled_nor_weighted():
    rows = rows_of(["a", "a", "b"]).assign(split=["train", "val", "train"])
    findings = [Finding("01.png", "dark", 0.9, "dark"), Finding("00.png", "dark", 0.9, "dark")]
    for held_out in (False, True):
        policy = policy_of(("dark", "unlabel", {}), held_out=held_out)
        assert decided(rows, findings, policy) == {"00.png": ("unlabel", None)}
    policy = policy_of(("dark", "drop", {}), held_out=True)
    assert set(decided(rows, findings, policy)) == {"00.png", "01.png"}


def limited(rows, decisions, limits, readable=None):
    kept = rows["path"].notna() if readable is None else readable
    return within_limits(rows, decisions, kept, limits)


def test_limits_undo_the_least_sure_first():
    rows = rows_of(["a"] * 10 + ["b"] * 4)
    findings = [Finding(f"{place:02d}.png", "dark", place / 20, "dark") for place in range(14)]
    decisions = decide(rows, findings_table(findings), {}, policy_of(("dark", "drop", {})))
    limits = Limits(most_of_a_class=0.35, least_images=3)
    left, undone = limited(rows, decisions, limits)
    assert sorted(left["path"]) == ["07.png", "08.png", "09.png", "13.png"]
    assert undone == {"a": 7, "b": 3}
    assert in_words(undone, limits) == (
        "limits (most_of_a_class 0.35, least_images 3) undid the least sure 10 actions on 2 classes: "
        "a (7), b (3)"
    )
    assert in_words({}, limits) is None


def test_limits_count_what_people_and_earlier_rounds_took_and_do_not_undo_it():
    rows = rows_of(["a"] * 10)
    policy = policy_of(("dark", "drop", {}))
    first = decide(rows, findings_table([Finding("00.png", "dark", 0.9, "dark")]), {}, policy)
    rows = applied(rows, first, 1)
    findings = [Finding(f"{place:02d}.png", "dark", 0.9, "dark") for place in (1, 2, 3)]
    answers = said("04.png", "off_topic") | said("05.png", "off_topic")
    decisions = decide(rows, findings_table(findings), answers, policy)
    left, undone = limited(rows, decisions, Limits(most_of_a_class=0.4, least_images=1))
    assert sorted(left["path"]) == ["01.png", "04.png", "05.png"]
    assert undone == {"a": 2}


def test_weights_and_unreadable_images_do_not_count():
    rows = rows_of(["a"] * 4)
    findings = [Finding("00.png", "unreadable", 1.0, "no image"), Finding("01.png", "dark", 0.9, "dark")]
    policy = policy_of(("unreadable", "drop", {}), ("dark", "weight", {"weight": 0.5}))
    decisions = decide(rows, findings_table(findings), {}, policy)
    readable = rows["path"] != "00.png"
    left, undone = limited(rows, decisions, Limits(most_of_a_class=0, least_images=4), readable)
    assert len(left) == 2 and not undone


def test_answers_that_empty_a_class_are_refused():
    rows = rows_of(["a", "a", "b", "b"])
    answers = said("00.png", "off_topic") | said("01.png", "wrong", "b")
    decisions = decide(rows, findings_table([]), answers, policy_of())
    left, undone = limited(rows, decisions, Limits())
    assert not undone, "a person's answers are not undone"
    message = r"^p.yaml: would leave no training image of the class 'a' \(drop 1, relabel 1 of 2\): set"
    with pytest.raises(UserError, match=message):
        refuse_lost_classes(rows, applied(rows, left, 1), rows["path"].notna(), "p.yaml")
