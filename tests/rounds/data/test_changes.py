"""What a manifest did to images is counted, and judged by true labels where these can."""

import pandas as pd

from platform.rounds.data.changes import actions_of, wrong_share
from platform.rounds.ledger.records import Action

COLUMNS = ["path", "label", "given", "clean", "action", "reason", "round", "split"]
ROWS = [
    ("a", "1", "1", "1", "keep", "", 0, "train"),
    ("b", "1", "1", "2", "drop", "wrong_label: p 0.99", 1, "train"),
    ("c", "1", "1", "1", "drop", "wrong_label: p 0.98", 2, "train"),
    ("d", "2", "2", "2", "drop", "duplicate: of a", 2, "train"),
    ("e", "2", "1", "2", "relabel", "wrong_label: p 0.97", 2, "train"),
    ("f", None, "1", "2", "unlabel", "conflicting_labels: with a", 2, "train"),
    ("g", "2", None, "1", "relabel", "pseudo_label", 2, "train"),
    ("h", "2", "2", "2", "merge", "near_duplicate: of d", 2, "train"),
    ("v", "1", "1", "2", "keep", "", 0, "val"),
]
TABLE = pd.DataFrame(ROWS, columns=COLUMNS)


def test_actions_are_counted_and_judged_by_true_labels():
    assert actions_of(TABLE, 2) == {
        "drop": Action(count=3, new=2, known=2, right=1),
        "merge": Action(count=1, new=1),
        "relabel": Action(count=1, new=1, known=1, right=1),
        "unlabel": Action(count=1, new=1, known=1, right=1),
        "pseudo_label": Action(count=1, new=1, known=1, right=0),
    }
    assert actions_of(TABLE, 2)["drop"].precision == 0.5


def test_without_true_labels_nothing_is_judged():
    found = actions_of(TABLE.drop(columns="clean"), 2)
    assert {name: one.count for name, one in found.items()} == {
        "drop": 3,
        "merge": 1,
        "relabel": 1,
        "unlabel": 1,
        "pseudo_label": 1,
    }
    assert all(one.precision is None for one in found.values())


def test_the_share_of_wrong_labels_is_of_labelled_images_that_are_learnt():
    assert wrong_share(TABLE) == 1 / 3  # of a, e, g
    assert wrong_share(TABLE, "val") == 1.0
    assert wrong_share(TABLE.assign(clean=None)) is None
    assert wrong_share(TABLE.drop(columns="clean")) is None
