"""Layouts of predictions, which ``--format`` names.

Each table has N rows; the row of an image that cannot be read has its path alone. N: images, K: readable
images, C: classes.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from platform.datasets.preparation.unlabelled import Block
from platform.training.evaluation.classification import Probabilities

MOST_COLUMNS = 100  # classes up to which each has a column: beyond, the file would be mostly zeros
TOP = 5
NAMES = re.compile(r"path|label(_\d+)?|neighbour")
"""Columns that hold names."""

Classes = tuple[str, ...]
Format = Callable[[Block, Probabilities, Classes], pd.DataFrame]


def of_classes(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """Label, probability and, for up to MOST_COLUMNS classes, each class's probability: ``p_CLASS``."""
    columns = _best(probabilities_KC, classes)
    if len(classes) <= MOST_COLUMNS:
        columns |= {f"p_{name}": probabilities_KC[:, place] for place, name in enumerate(classes)}
    return _table(block, columns)


def with_probability(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """Label and probability."""
    return _table(block, _best(probabilities_KC, classes))


def label_only(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The label alone, as competitions want it."""
    return _table(block, {"label": _best(probabilities_KC, classes)["label"]})


def top_classes(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The TOP most probable classes (all, if there are fewer), each with its probability."""
    count = min(TOP, len(classes))
    places_KT = np.argsort(-probabilities_KC, axis=1, kind="stable")[:, :count]
    names_KT = np.array(classes, dtype=object)[places_KT]
    sorted_KT = np.take_along_axis(probabilities_KC, places_KT, axis=1)
    columns: dict[str, object] = {}
    for nth in range(count):
        columns[f"label_{nth + 1}"] = names_KT[:, nth]
        columns[f"probability_{nth + 1}"] = sorted_KT[:, nth]
    return _table(block, columns)


FORMATS: dict[str, Format] = {"csv": of_classes, "class": label_only, "topk": top_classes}
"""Layouts for ``--format``, by name."""


def read_predictions(file: Path) -> pd.DataFrame:
    """The table in ``file``, of any layout: names as text, whatever they look like, and numbers."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    for column in table:
        if NAMES.fullmatch(str(column)):
            table[column] = table[column].replace("", None)
        else:
            table[column] = pd.to_numeric(table[column])
    return table


def _best(probabilities_KC: Probabilities, classes: Classes) -> dict[str, object]:
    return {
        "label": np.array(classes, dtype=object)[probabilities_KC.argmax(axis=1)],
        "probability": probabilities_KC.max(axis=1),
    }


def _table(block: Block, columns: dict[str, object]) -> pd.DataFrame:
    table = pd.DataFrame(columns, index=block.good).reindex(range(len(block.paths)))
    table.insert(0, "path", pd.Series(block.paths, dtype=object))
    return table
