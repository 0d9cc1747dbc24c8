"""Answers of a person: how they are read, and what they change."""

from datetime import UTC, datetime

import numpy as np

from platform.datasets.audit.answers import Answer, Said, append_answers
from platform.datasets.audit.labels.probability.answers import recalibrated, said_of_labels


def test_the_last_answer_counts_and_unsure_says_nothing(tmp_path):
    file = tmp_path / "answers.jsonl"
    said: list[tuple[str, Said]] = [
        ("a", "wrong"),
        ("a", "right"),
        ("b", "off_topic"),
        ("c", "wrong"),
        ("c", "unsure"),
    ]
    now = datetime.now(UTC)
    answers = [
        Answer(path=path, answer=answer, label="x" if answer == "right" else None, at=now)
        for path, answer in said
    ]
    append_answers(file, answers)
    assert said_of_labels(file) == {"a": False, "b": True}
    assert said_of_labels(tmp_path / "none.jsonl") == {}


def test_answers_on_the_most_suspect_correct_probabilities_that_are_too_high():
    random = np.random.default_rng(0)
    truth = random.beta(0.5, 2, 20_000)
    wrong = random.uniform(size=len(truth)) < truth
    odds = truth / (1 - truth) * np.exp(1.0)
    stated = odds / (1 + odds)
    asked = np.argsort(-stated)[:400]
    found = recalibrated(stated, asked, wrong[asked])
    top = np.argsort(-found)[:2000]
    assert abs(found[top].mean() - truth[top].mean()) < 0.06
    assert abs(stated[top].mean() - truth[top].mean()) > 0.08


def test_the_order_stays():
    p = np.linspace(0.05, 0.95, 50)
    found = recalibrated(p, np.arange(50), np.arange(50) < 25)  # answers that contradict the order
    assert (np.diff(found) > 0).all()
