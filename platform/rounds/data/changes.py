"""What the manifest of a round says of the data: what became of images, and how much of it was right.

True labels are read here, for the page alone.
"""

import pandas as pd

from platform.datasets.cleaning.manifest_table import LEFT_OUT
from platform.rounds.ledger.records import ACTIONS, Action

PSEUDO_LABEL = "pseudo_label"
"""The reason of a label that a winner predicted, and how such rows are counted."""
OF_LABELS = ("wrong_label", "conflicting_labels", "a person")
"""Reasons that say something of the label, so that a true label tells whether they were right."""
TAKES_A_LABEL_AWAY = ("drop", "unlabel", "weight")


def actions_of(rows: pd.DataFrame, number: int) -> dict[str, Action]:
    """What was done since round 1, by action; ``number``: the manifest's round of cleaning."""
    kind = rows["reason"].str.partition(":")[0]
    action = rows["action"].mask(kind == PSEUDO_LABEL, PSEUDO_LABEL)
    truth = rows["clean"] if "clean" in rows else pd.Series(None, rows.index, dtype=object)
    found = {}
    for name in ACTIONS:
        is_it = action == name
        if is_it.any():
            new = is_it & (rows["round"] == number)
            known, right = _judged(rows[is_it], truth[is_it], kind[is_it], name)
            found[name] = Action(int(is_it.sum()), int(new.sum()), known, right)
    return found


def _judged(rows: pd.DataFrame, truth: pd.Series, kind: pd.Series, action: str) -> tuple[int, int]:
    """How many of the rows a true label can judge, and how many of those were changed rightly."""
    known = truth.notna()
    if action in TAKES_A_LABEL_AWAY:
        known &= rows["given"].notna() & kind.isin(OF_LABELS)
        right = rows["given"] != truth
    elif action in ("relabel", PSEUDO_LABEL):
        right = rows["label"] == truth
    else:  # a copy that was left out says nothing of its label
        return 0, 0
    return int(known.sum()), int((known & right).sum())


def wrong_share(rows: pd.DataFrame, split: str = "train") -> float | None:
    """The share of wrong labels among the labelled rows; None unless all their true labels are known."""
    labelled = rows[(rows["split"] == split) & ~rows["action"].isin(LEFT_OUT) & rows["label"].notna()]
    if labelled.empty or "clean" not in rows or labelled["clean"].isna().any():
        return None
    return float((labelled["label"] != labelled["clean"]).mean())
