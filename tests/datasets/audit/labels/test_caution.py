"""How far the stated precision is to be believed is said where predictions confirm few labels."""

from platform.datasets.audit.labels.stage import caution_of
from platform.datasets.audit.record import CAUTION


def test_few_confirmed_labels_are_said():
    said = str(caution_of(0.5, answers=0)[CAUTION])
    assert said.startswith("predictions agree with 50% of the labels: ")
    assert "answer 50 images first" in said


def test_many_confirmed_labels_or_answers_need_no_word():
    assert caution_of(0.8, answers=0) == {}
    assert caution_of(0.5, answers=60) == {}
