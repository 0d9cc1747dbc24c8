"""Labels that most finalists reject, from records as checkpoints hold them."""

import pandas as pd
import pytest

from platform.storage.folder import Folder
from platform.training.loop.trainer_checkpoints import SAMPLES
from reports.findings.suspects import FILE, suspects


@pytest.fixture
def checkpoint(tmp_path):
    """Write a record: a finalist's predictions and losses of four images that are all labelled ``a``."""

    def make(trial, predictions, losses=(4.0, 3.0, 2.0, 1.0), clean=("b", "b", "a", "a")):
        table = pd.DataFrame(
            {
                "path": [f"{place}.png" for place in range(4)],
                "label": ["a"] * 4,
                "clean": pd.array(clean, dtype="string"),
                "seen": [2] * 4,
                "dropped": [0.5] * 4,
                "mean_loss": losses,
                "prediction": pd.array(list(predictions), dtype="string"),
            }
        )
        (tmp_path / trial).mkdir()
        table.to_parquet(tmp_path / trial / SAMPLES)
        return trial, Folder.of(str(tmp_path / trial))

    return make


def test_only_what_more_than_half_take_for_one_other_class_is_listed(checkpoint):
    found = suspects(
        [checkpoint("0", "bbca"), checkpoint("1", "bbba"), checkpoint("2", ["b", "a", None, "a"])]
    )
    rows = found.table[["path", "label", "preferred", "preferred_by"]].values.tolist()
    assert rows == [["0.png", "a", "b", 3], ["1.png", "a", "b", 2]]
    assert found.trials == ("0", "1", "2")


def test_among_equally_many_the_higher_losses_come_first_whatever_their_scale(checkpoint):
    found = suspects(
        [checkpoint("0", "bbbb", (1, 2, 3, 4)), checkpoint("1", "bbbb", (0.01, 0.02, 0.04, 0.03))]
    )
    assert found.table["path"].tolist() == ["2.png", "3.png", "1.png", "0.png"]
    assert found.table["rejection"].tolist() == pytest.approx([5 / 6, 5 / 6, 1 / 3, 0])


def test_margins_sort_where_the_records_have_them(checkpoint, tmp_path):
    one = checkpoint("0", "bbbb", (1, 2, 3, 4))
    file = tmp_path / "0" / SAMPLES
    pd.read_parquet(file).assign(mean_margin=[-5.0, -1.0, -7.0, 2.0]).to_parquet(file)
    assert suspects([one]).table["path"].tolist() == ["2.png", "0.png", "1.png", "3.png"]


def test_precision_and_recall_are_those_of_the_true_labels(checkpoint):
    caught = suspects([checkpoint("0", "baca")]).caught
    assert (caught.listed, caught.right, caught.wrong, caught.corrected) == (2, 1, 2, 1)
    assert (caught.precision, caught.recall) == (0.5, 0.5)


def test_without_all_true_labels_nothing_is_said_of_precision(checkpoint):
    found = suspects([checkpoint("0", "bbaa", clean=("b", None, "a", "a"))])
    assert found.caught is None
    assert "clean" not in found.table


def test_a_trial_without_a_readable_record_is_named_and_the_others_count(checkpoint, tmp_path):
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / SAMPLES).write_bytes(b"PAR1")
    found = suspects(
        [
            ("cut", Folder.of(str(tmp_path / "cut"))),
            ("gone", Folder.of(str(tmp_path / "gone"))),
            checkpoint("0", "baaa"),
        ]
    )
    assert found.unread == ("cut", "gone")
    assert found.sentence.endswith("No record of cut, gone could be read.")
    assert len(found.table) == 1


def test_without_any_record_there_is_no_list(tmp_path):
    assert suspects([("gone", Folder.of(str(tmp_path)))]) is None


def test_labels_that_nobody_rejects_make_an_empty_list_and_a_sentence(checkpoint, tmp_path):
    found = suspects([checkpoint("0", "aaaa")])
    assert found.sentence == "None of the 4 given training labels is rejected by more than half of 1 trial."
    found.write(tmp_path)
    assert (tmp_path / FILE).read_text().startswith("path,label,preferred,preferred_by,finalists,")


@pytest.fixture
def large(tmp_path):
    """Write a record of 200 images of classes ``a`` and ``b`` with these predictions; truth is unknown."""

    def make(trial, predictions, clean=None):
        labels = ["a", "b"] * 100
        table = pd.DataFrame(
            {
                "path": [f"{place}.png" for place in range(200)],
                "label": labels,
                "clean": pd.array(clean or [None] * 200, dtype="string"),
                "seen": [2] * 200,
                "dropped": [0.0] * 200,
                "mean_loss": [1.0] * 200,
                "prediction": pd.array(predictions, dtype="string"),
            }
        )
        (tmp_path / trial).mkdir()
        table.to_parquet(tmp_path / trial / SAMPLES)
        return trial, Folder.of(str(tmp_path / trial))

    return make


def test_a_list_as_long_as_by_chance_is_withheld_and_an_earlier_file_goes(large, tmp_path):
    guesses = ["a", "b", "b", "a"] * 50  # half of them are the given label
    found = suspects([large("0", guesses)])
    assert len(found.table) == 100
    assert "if the given labels were shuffled" in found.withheld
    (tmp_path / FILE).write_text("path\n")
    found.write(tmp_path)
    assert not (tmp_path / FILE).exists()


def test_a_list_shorter_than_by_chance_is_written(large, tmp_path):
    knowing = ["a", "b"] * 80 + ["b", "a"] * 20
    found = suspects([large("0", knowing)])
    assert found.withheld == ""
    found.write(tmp_path)
    assert len(pd.read_csv(tmp_path / FILE)) == 40


def test_true_labels_decide_where_they_are_known(large):
    half_wrong = ["a", "a"] * 100  # every b is an a
    rejected_at_random = ["b", "a", "a", "b"] * 50  # as many right labels as wrong ones
    found = suspects([large("0", rejected_at_random, half_wrong)])
    assert found.caught.precision == 0.5
    assert "50.0% of them are wrong, as many as among images drawn at random (50.0%" in found.withheld
    assert suspects([large("1", half_wrong, half_wrong)]).withheld == ""
