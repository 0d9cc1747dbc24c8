"""How predictions are laid out: what ``--format`` names. N: images, K: readable ones, C: classes.

Each table has N rows; those of images that cannot be read are empty but for the path.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from platform.datasets.preparation.unlabelled import Block
from platform.training.evaluation.classification import Probabilities

MOST_COLUMNS = 100  # classes up to which each has a column: beyond, the file would be mostly zeros
TOP = 5

Classes = tuple[str, ...]
Format = Callable[[Block, Probabilities, Classes], pd.DataFrame]


def of_classes(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The label, its probability and, up to MOST_COLUMNS classes, that of each class: ``p_CLASS``."""
    columns = _best(probabilities_KC, classes)
    if len(classes) <= MOST_COLUMNS:
        columns |= {f"p_{name}": probabilities_KC[:, place] for place, name in enumerate(classes)}
    return _table(block, columns)


def with_probability(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The label and its probability."""
    return _table(block, _best(probabilities_KC, classes))


def label_only(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The label and nothing else, as competitions want it."""
    return _table(block, {"label": _best(probabilities_KC, classes)["label"]})


def top_classes(block: Block, probabilities_KC: Probabilities, classes: Classes) -> pd.DataFrame:
    """The TOP most probable classes (all, where there are fewer), each with its probability."""
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
"""What ``--format`` may say."""


def _best(probabilities_KC: Probabilities, classes: Classes) -> dict[str, object]:
    return {
        "label": np.array(classes, dtype=object)[probabilities_KC.argmax(axis=1)],
        "probability": probabilities_KC.max(axis=1),
    }


def _table(block: Block, columns: dict[str, object]) -> pd.DataFrame:
    table = pd.DataFrame(columns, index=block.good).reindex(range(len(block.paths)))
    table.insert(0, "path", pd.Series(block.paths, dtype=object))
    return table
