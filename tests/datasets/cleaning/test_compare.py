"""Two manifests compared and merged, and the command that makes them."""

import json
from dataclasses import replace

import pytest

from platform.config.errors import UserError
from platform.data.__main__ import main
from platform.datasets.audit.answers import Answer, append_answers
from platform.datasets.audit.findings import Finding
from platform.datasets.cleaning.difference import WIDTH, difference, in_lines
from platform.datasets.cleaning.manifest_table import (
    ManifestTable,
    as_given,
    facts_for,
    read_manifest,
    write_manifest,
)
from platform.datasets.cleaning.merged import merged
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import inspect

NAMES = ("a.parquet", "b.parquet")


def table_of(tmp_path, **changes):
    """A manifest of five images; ``changes``: path -> columns of its row."""
    import pandas as pd

    paths = ["1.png", "2.png", "3.png", "4.png", "5.png"]
    labels = pd.Series(["cat", "cat", "cat", "dog", "dog"], dtype=object)
    rows = as_given(pd.DataFrame({"path": paths, "label": labels, "split": ["train"] * 4 + ["val"]}))
    rows = rows.astype({"label": object})
    for path, columns in changes.items():
        for name, value in columns.items():
            rows.loc[rows["path"] == f"{path[1:]}.png", name] = value
    return ManifestTable(rows, facts_for(str(tmp_path), tmp_path / "a.parquet", {}, "clean"))


def act(action, round, score=0.9, by="policy", **more):
    return {"action": action, "round": round, "score": score, "by": by, "reason": f"{by}: x", **more}


def test_a_later_round_wins_then_the_surer_action_and_a_person_beats_both(tmp_path):
    first = table_of(
        tmp_path,
        _1=act("drop", 1),
        _2=act("drop", 2, 0.5),
        _3=act("keep", 1, by="person"),
    )
    second = table_of(
        tmp_path,
        _1=act("relabel", 2, label="dog"),
        _2=act("unlabel", 2, 0.6, label=None),
        _3=act("drop", 3),
        _4=act("weight", 1, weight=0.5),
    )
    for one, other in ((first, second), (second, first)):
        table, differ = merged(one, other, NAMES)
        rows = table.rows.set_index("path")
        assert rows["action"].tolist() == ["relabel", "unlabel", "keep", "weight", "keep"]
        assert rows["label"].tolist() == ["dog", None, "cat", "dog", "dog"]
        assert rows.loc["4.png", "weight"] == 0.5
        assert differ == 4
    written = write_manifest(tmp_path / "m.parquet", table.rows, table.facts)
    assert read_manifest(tmp_path / "m.parquet").facts == written.facts
    assert written.facts.made_by == "merge"


def test_manifests_of_other_data_are_not_merged(tmp_path):
    first, second = table_of(tmp_path), table_of(tmp_path, _5={"split": "test"})
    with pytest.raises(
        UserError, match=r"b.parquet: has another split than a.parquet for 1 image, such as 5"
    ):
        merged(first, second, NAMES)
    elsewhere = replace(second, facts=replace(second.facts, source="/other"))
    with pytest.raises(UserError, match="only manifests of one source can be merged"):
        merged(first, elsewhere, NAMES)


def test_the_difference_is_told_by_action_and_class_in_80_columns(tmp_path):
    long = "a class with a name that is longer than the column that it would stand in"
    before = table_of(tmp_path, _1=act("drop", 1), _4=act("relabel", 1, label="cat"))
    now = table_of(tmp_path, _2=act("drop", 1), _4=act("relabel", 1, label=long))
    found = difference(before, now)
    assert found.steps == {("drop", "keep"): 1, ("keep", "drop"): 1, ("relabel", "relabel"): 1}
    lines = in_lines(found, "before.parquet")
    assert lines[:4] == [
        "against before.parquet: 3 of 5 images differ",
        "  drop → keep                      1",
        "  keep → drop                      1",
        "  relabel, another label           1",
    ]
    assert lines[6].split() == ["cat", "3", "2", "-1"]
    assert all(len(line) <= WIDTH for line in lines)
    assert in_lines(difference(now, now), "x") == ["against x: nothing differs in 5 images"]


@pytest.fixture
def audit(make_audit, make_classes, tmp_path, write_policy):
    photos = make_classes(tmp_path / "photos", {"cat": 20, "dog": 20})
    write_policy("rules: [{kind: blurry, action: drop, at_least: 0.5}, {kind: wrong_label, action: relabel}]")
    findings = [
        *(Finding(f"cat/{n:03d}.png", "blurry", 0.5 + n / 100, "blurred") for n in range(10)),
        Finding("dog/000.png", "wrong_label", 0.9, "neighbours", "relabel:cat"),
    ]
    config = DataConfig.model_validate_json(json.dumps({"source": str(photos), "clean_label": "label"}))
    return make_audit(config, findings)


def test_the_command_says_what_it_does_and_how_to_learn_from_it(audit, tmp_path, capsys):
    policy, out = str(tmp_path / "policy.yaml"), audit.path / "clean.parquet"
    assert main(["clean", str(audit.path), "--policy", policy]) == 0
    said = capsys.readouterr().out
    assert "round 1: " in said and "blurry" in said
    assert "undid the least sure" in said
    assert "true labels are known: 0 of " in said
    assert f"platform.search SPACE.yaml data.source={out} data.clean_label=clean" in said.replace("'", "")
    settings = {"source": str(out), "clean_label": "clean"}
    assert inspect(DataConfig.model_validate_json(json.dumps(settings))).reader == "manifest"
    append_answers(
        audit.answers_file,
        [Answer(path="dog/001.png", answer="off_topic", label=None, at="2026-11-30T10:00:00Z")],
    )
    other = tmp_path / "other.parquet"
    assert main(["clean", str(audit.path), "--policy", policy, "--out", str(other), "--diff", str(out)]) == 0
    said = capsys.readouterr().out
    assert "a person 1" in said and f"against {out}: 1 of 40 images differ" in said
    assert main(["clean", str(other), "--diff", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"against {out}: 1 of 40 images differ")
    whole = tmp_path / "whole.parquet"
    assert main(["clean", "--merge", str(out), str(other), "--out", str(whole)]) == 0
    assert "40 images; the two differ on 1" in capsys.readouterr().out
    assert read_manifest(whole).rows.equals(read_manifest(other).rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "AUDIT is missing"),
        (["AUDIT"], "search_spaces/policies/careful.yaml is one with comments"),
        (["AUDIT", "--policy", "POLICY", "--out", "x.csv"], "--out: must end in .parquet, got x.csv"),
        (["AUDIT", "--policy", "POLICY", "--diff", "gone.parquet"], "gone.parquet: is missing"),
        (["AUDIT", "--policy", "POLICY", "--diff", "AUDIT/images.parquet"], "is no manifest, which data"),
        (["AUDIT", "--policy", "gone.yaml"], "gone.yaml"),
        (["--merge", "gone.parquet", "x.parquet"], "--merge: needs --out FILE.parquet"),
        (["--merge", "gone.parquet", "x.parquet", "--out", "y.parquet"], "gone.parquet: is missing"),
        (["AUDIT", "--merge", "gone.parquet", "x.parquet"], "--merge: takes two manifests alone"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(arguments, message, audit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    there = sorted(tmp_path.rglob("*"))
    names = {"AUDIT": str(audit.path), "POLICY": "policy.yaml"}
    words = [one.replace("AUDIT", names["AUDIT"]).replace("POLICY", names["POLICY"]) for one in arguments]
    assert main(["clean", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == there
