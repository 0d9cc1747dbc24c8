"""The stage on digits with known wrong labels: tables, findings, what it states, and refusals."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from platform.datasets.audit.labels.evidence import LabelEvidence
from platform.datasets.audit.labels.stage import TABLE, score_labels


def scores_and_truth(folder, digits):
    table = pd.read_parquet(folder.label_scores_file)
    rows = table["path"].str[:4].astype(int).to_numpy()
    return table, digits.wrong_N[rows]


def test_labels_are_scored_and_what_is_stated_is_near_the_truth(folder, digits, evidence):
    notes = score_labels(folder, evidence)
    table, wrong = scores_and_truth(folder, digits)
    assert list(table) == TABLE.names
    assert len(table) == len(digits.labels_N) - 3
    order = np.argsort(-table["p_wrong"].to_numpy(), kind="stable")
    budgets = pd.read_parquet(folder.budgets_file)
    for one in budgets[budgets["images"] >= 100].itertuples():
        truth = wrong[order[: one.images]].mean()
        assert one.precision == pytest.approx(truth, abs=0.08)  # the rate rests on 180 images
        assert one.precision_low - 0.02 <= truth <= one.precision_high + 0.02
    assert notes["noise_rate"] == pytest.approx(0.15, abs=0.02)
    by_class = pd.read_parquet(folder.wrong_by_class_file)
    assert by_class["wrong"].sum() == pytest.approx(notes["expected_wrong"])
    assert by_class["images"].sum() == len(table)


def test_findings_name_the_better_label(folder, digits, evidence):
    score_labels(folder, evidence)
    issues = folder.issues()
    assert set(issues["kind"]) == {"wrong_label"}
    rows = issues["path"].str[:4].astype(int).to_numpy()
    assert digits.wrong_N[rows].mean() > 0.9
    sure = issues["suggestion"].str.startswith("relabel:").to_numpy()
    better = issues["suggestion"][sure].str.removeprefix("relabel:digit ").astype(int).to_numpy()
    assert (better == digits.clean_N[rows[sure]]).mean() > 0.9
    assert (issues["score"] >= 0.5).all()


def test_the_same_evidence_gives_the_same_files(folder, evidence):
    files = folder.label_scores_file, folder.budgets_file, folder.issues_file
    contents = []
    for _ in range(2):
        score_labels(folder, evidence)
        contents.append([file.read_bytes() for file in files])
    assert contents[0] == contents[1]


def test_margins_of_a_sweep_are_the_column_and_move_the_probability(folder, digits, evidence):
    score_labels(folder, evidence)
    before = pd.read_parquet(folder.label_scores_file)
    suspicion = np.where(digits.wrong_N, 0.9, 0.4) + 0.1 * np.random.default_rng(0).uniform(
        size=len(digits.wrong_N)
    )
    score_labels(folder, replace(evidence, suspicion_N=suspicion))
    after, wrong = scores_and_truth(folder, digits)
    assert after["margin"].min() >= 0.4
    gap_before, gap_after = (
        one["p_wrong"][wrong].mean() - one["p_wrong"][~wrong].mean() for one in (before, after)
    )
    assert gap_after > gap_before


def test_fifty_answers_of_a_person_recalibrate(folder, digits, evidence):
    score_labels(folder, evidence)
    table, _ = scores_and_truth(folder, digits)
    asked = table.sort_values("p_wrong", ascending=False)["path"].head(60)
    said = [{"path": path, "answer": "right", "label": "x", "at": "2026-11-30T12:00:00Z"} for path in asked]
    folder.answers_file.write_text("".join(json.dumps(one) + "\n" for one in said))
    notes = score_labels(folder, evidence)
    after, _ = scores_and_truth(folder, digits)
    assert notes["answers"] == 60
    assert after["p_wrong"].mean() < 0.7 * table["p_wrong"].mean()


def test_without_an_embedding_labels_are_not_scored_and_the_reason_is_given(folder, evidence):
    score_labels(folder, evidence)
    notes = score_labels(folder, LabelEvidence(None, missing="add --sweep or --embedding"))
    assert notes == {"refused": "add --sweep or --embedding"}
    assert not folder.label_scores_file.exists()
    assert not folder.budgets_file.exists()
    assert folder.issues().empty


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda images: images.assign(label="one"), "fewer than two classes"),
        (lambda images: images.assign(readable=images.index < 30), "28 labelled training images are too few"),
    ],
)
def test_too_little_to_judge_by_is_refused(folder, evidence, change, reason):
    images = change(pd.read_parquet(folder.images_file))
    images.to_parquet(folder.images_file)
    assert reason in score_labels(folder, evidence)["refused"]
