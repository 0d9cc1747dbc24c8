"""The standard error of a single trial's metric, if one trial is enough to know it."""

import math
from collections.abc import Collection, Mapping
from statistics import median

import numpy as np
import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.training.evaluation.classification import shot_groups
from platform.tuning.goals import RETRIEVAL, Goal, History

_SIGMA_OF_MAD = 1.4826
_MEDIAN_BY_MEAN = math.sqrt(math.pi / 2)
_LEAST_EPOCHS = 3


def standard_error(goal: Goal, value: float, history: History, samples: Mapping[str, float]) -> float:
    """The standard error of ``value``, which a trial reached in ``goal``.

    - A share of n ``samples``: sqrt(p (1 - p) / (n + 4)) with p = (n value + 2) / (n + 4), which is above 0
      at a share of 0 or 1, too (Agresti & Coull, Approximate is Better than "Exact", The American
      Statistician 52, 1998). It is an upper bound for other means of values in [0, 1], such as average
      precisions.
    - A time, the median of n epochs: sqrt(pi / 2) s / sqrt(n) with s = 1.4826 times the median distance from
      it; infinite for fewer than three epochs.
    - 0 if it is unknown (val/loss, val/ece) or the value is exact (model/parameters).

    Variation between seeds is not included; search.confirm measures it.
    """
    if goal.metric in samples:
        n = samples[goal.metric]
        share = (n * value + 2) / (n + 4)
        return math.sqrt(max(share * (1 - share), 0) / (n + 4))
    if goal.metric.startswith("time/"):
        epochs = [each for each in history.get(goal.metric, {}).values() if math.isfinite(each)]
        if len(epochs) < _LEAST_EPOCHS:
            return math.inf
        spread = _SIGMA_OF_MAD * median(abs(each - value) for each in epochs)
        return _MEDIAN_BY_MEAN * spread / math.sqrt(len(epochs))
    return 0.0


def samples_of(manifest: pd.DataFrame, config: DataConfig) -> dict[str, float]:
    """The number of validation images of which each metric is a share.

    A mean accuracy of C classes of n_c images has the standard error of a share of C^2 / sum(1 / n_c) images.
    """
    val, train = manifest[manifest["split"] == "val"], manifest[manifest["split"] == "train"]
    if config.identities is not None:
        queries = float((val["role"] == "query").sum())
        return dict.fromkeys(RETRIEVAL, queries) if queries else {}
    images = val["clean" if config.val_label == "clean" else "label"].value_counts()
    if images.empty:
        return {}
    counts = train["label"].value_counts().reindex(images.index, fill_value=0)
    groups = shot_groups(np.asarray(counts, dtype=np.int64), (config.many_shot, config.few_shot))
    found = {
        "val/accuracy": float(images.sum()),
        "val/macro_accuracy": _as_one_share(images),
    }
    of_groups = {f"val/{name}": images[is_in] for name, is_in in groups.items()}
    return found | {name: _as_one_share(each) for name, each in of_groups.items() if len(each)}


def _as_one_share(images_of_classes: Collection[int]) -> float:
    return len(images_of_classes) ** 2 / sum(1 / images for images in images_of_classes)
