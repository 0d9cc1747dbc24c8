"""The classes of an audit: how many images each has, its bin of the long tail, what is wrong in it."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class ClassRow:
    """A class. ``train``: its training images that can be read; ``faulty``: its images with a finding.

    ``expected_wrong``: estimated number of its labels that are wrong; None where they were not scored.
    """

    name: str
    images: int
    train: int
    faulty: int
    expected_wrong: float | None = None


@dataclass(frozen=True)
class Bin:
    """One part of the long tail, by the number of training images a class."""

    name: str
    rule: str
    classes: int
    images: int


def class_rows(
    images: pd.DataFrame, issues: pd.DataFrame, wrong_by_class: pd.DataFrame | None
) -> list[ClassRow]:
    """One row a class, the largest first.

    Args:
        wrong_by_class: wrong_by_class.parquet, if there is one.
    """
    named = images[images["label"].notna()]
    total = named["label"].value_counts()
    is_usable = named["readable"] & (named["split"] == "train")
    train = named["label"][is_usable].value_counts()
    faulty = named["label"][named["path"].isin(issues["path"].unique())].value_counts()
    wrong = None if wrong_by_class is None else wrong_by_class.set_index("label")["wrong"]
    rows = [
        ClassRow(
            str(name),
            int(count),
            int(train.get(name, 0)),
            int(faulty.get(name, 0)),
            None if wrong is None else float(wrong.get(name, 0.0)),
        )
        for name, count in total.items()
    ]
    return sorted(rows, key=lambda row: (-row.train, row.name))


def bins(rows: list[ClassRow], many_shot: int, few_shot: int) -> list[Bin]:
    """Many, medium and few shot, as the metrics of a sweep divide the classes."""
    rules = {
        "many": (f"more than {many_shot:,} training images", lambda n: n > many_shot),
        "medium": (f"{few_shot:,} to {many_shot:,}", lambda n: few_shot <= n <= many_shot),
        "few": (f"fewer than {few_shot:,}", lambda n: n < few_shot),
    }
    found = []
    for name, (rule, belongs) in rules.items():
        inside = [row.train for row in rows if belongs(row.train)]
        found.append(Bin(name, rule, len(inside), sum(inside)))
    return found
