"""Where predictions miss many right labels, the audit states no precision, and says why."""

from platform.datasets.audit.labels.probability.calibration import Doubt
from platform.datasets.audit.labels.stage import caution_of
from platform.datasets.audit.record import CAUTION


def test_predictions_that_miss_many_right_labels_are_said():
    said = str(caution_of(Doubt(rate=0.1, missed=0.4), answers=0)[CAUTION])
    assert said.startswith("predictions miss about 40% of the right labels, ")
    assert "answer 50 images first" in said


def test_good_predictions_or_answers_need_no_word():
    assert caution_of(Doubt(rate=0.4, missed=0.1), answers=0) == {}
    assert caution_of(Doubt(rate=0.1, missed=0.4), answers=60) == {}
