"""From a table of paths and labels to the manifest: splits, imbalance, noise, in this order.

The test split is held out first, of what is not yet unbalanced or noisy; imbalance and noise meet the
training rows; the val split is held out of those last, so that it is as noisy as what is trained on. A
val or test split that the source brings is left as it is.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets import imbalance, label_noise
from platform.datasets.data_config import AsymmetricNoise, DataConfig, SymmetricNoise
from platform.datasets.errors import DataError, counted
from platform.datasets.splits import Ints, held_out
from platform.datasets.tables import MISSING

UNKNOWN = -1
"""The code of a true label that is not known."""

# Each step draws from its own stream, so that one setting does not change what another one draws.
TEST_STREAM, IMBALANCE_STREAM, NOISE_STREAM, VAL_STREAM = 1, 2, 3, 4
TEST_SEED = 0
"""The test split does not depend on ``data.seed``: scores of different seeds stay comparable."""


@dataclass(frozen=True)
class Arranged:
    """``manifest`` has ``path``, ``label``, ``clean`` (codes) and ``split``; row i is the table's kept[i]."""

    manifest: pd.DataFrame
    kept: Ints
    classes: tuple[str, ...]


def arrange(rows: pd.DataFrame, config: DataConfig, default_test_share: float) -> Arranged:
    """``rows`` as :func:`list_images` returns them, perhaps without the unreadable ones."""
    classes = _classes(rows, config)
    table = pd.DataFrame(
        {
            "path": rows["path"].to_numpy(),
            "label": _codes(rows["label"], classes),
            "clean": _codes(rows["clean"], classes) if "clean" in rows else UNKNOWN,
            "split": rows["split"].to_numpy(),
        }
    )
    _hold_out_test(table, config, default_test_share)
    kept = np.arange(len(table))
    if config.imbalance > 1:
        kept = _unbalanced(table, len(classes), config)
        table = table.iloc[kept].reset_index(drop=True)
    if config.noise is not None:
        noisy = _codes(rows["noisy"].iloc[kept], classes) if "noisy" in rows else None
        _add_noise(table, classes, config, noisy)
    _hold_out_val(table, config)
    if config.val_label == "clean" and (table["clean"][table["split"] == "val"] == UNKNOWN).any():
        raise DataError(
            "data.val_label: the true labels of the val split are not known, so it must be 'given'"
        )
    return Arranged(table, kept, classes)


def _classes(rows: pd.DataFrame, config: DataConfig) -> tuple[str, ...]:
    """The training rows' labels, given, true and noisy, sorted: as numbers if all are whole numbers."""
    is_train = rows["split"] == "train"
    columns = [column for column in ("label", "clean", "noisy") if column in rows]
    names = {str(name) for column in columns for name in rows[column][is_train].unique()} - {MISSING}
    learnt = rows["noisy" if "noisy" in rows else "label"][is_train].unique()
    if len(learnt) < 2:
        what = f"holds one class only ({learnt[0]!r})"
        raise DataError(f"data.source: {config.source} {what}: there is nothing to tell it from")
    if "clean" in rows and "noisy" not in rows:
        true = set(map(str, rows["clean"][is_train].unique())) - {MISSING}
        if true and not true & set(map(str, learnt)):
            raise DataError(
                f"data.clean_label: no true label ({min(true)!r} …) is one of the given classes "
                f"({min(map(str, learnt))!r} …); write both alike, or say clean_label: null"
            )
    for split in ("val", "test"):
        for column in ("label", "clean"):
            held = rows[column][rows["split"] == split].unique() if column in rows else ()
            unknown = sorted(set(map(str, held)) - names - {MISSING})
            if unknown:
                raise DataError(
                    f"data.source: {config.source}: class {unknown[0]!r} is in the {split} split but has no "
                    f"training image{did_you_mean(unknown[0], names)}"
                )
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _codes(labels: pd.Series, classes: tuple[str, ...]) -> Ints:
    """[N] places in ``classes``; UNKNOWN where there is no label."""
    return np.asarray(pd.Index(classes).get_indexer(pd.Index(labels)), dtype=np.int64)


def _hold_out_test(table: pd.DataFrame, config: DataConfig, default_share: float) -> None:
    has_test = bool((table["split"] == "test").any())
    if has_test and config.test_share:
        raise DataError(
            f"data.test_share: {config.source} has a test split of its own, so it must be null, "
            f"got {config.test_share:g}"
        )
    share = default_share if config.test_share is None else config.test_share
    if has_test or not share:
        return
    train = np.flatnonzero(table["split"] == "train")
    truth = table["clean"].where(table["clean"] != UNKNOWN, table["label"]).to_numpy()
    chosen = held_out(truth[train], share, np.random.default_rng([TEST_SEED, TEST_STREAM]))
    table.loc[train[chosen], "split"] = "test"


def _unbalanced(table: pd.DataFrame, classes: int, config: DataConfig) -> Ints:
    train = np.flatnonzero(table["split"] == "train")
    random = np.random.default_rng([config.seed, IMBALANCE_STREAM])
    labels = table["label"].to_numpy()[train]
    stay = train[imbalance.subsample(labels, classes, config.imbalance, random)]
    return np.sort(np.concatenate([stay, np.flatnonzero(table["split"] != "train")]))


def _add_noise(
    table: pd.DataFrame, classes: tuple[str, ...], config: DataConfig, column: Ints | None
) -> None:
    """Replace the training rows' given labels; what was given before is the truth where no other is known."""
    if (table["clean"] == UNKNOWN).all():
        table["clean"] = table["label"]
    random = np.random.default_rng([config.seed, NOISE_STREAM])
    is_train = (table["split"] == "train").to_numpy()
    labels = table["label"].to_numpy()[is_train]
    if isinstance(config.noise, SymmetricNoise):
        noisy = label_noise.symmetric(labels, len(classes), config.noise, random)
    elif isinstance(config.noise, AsymmetricNoise):
        noisy = label_noise.asymmetric(labels, classes, config.noise, random)
    else:
        assert column is not None  # the reader has put it there, or refused
        noisy = column[is_train]
    table.loc[is_train, "label"] = noisy


def _hold_out_val(table: pd.DataFrame, config: DataConfig) -> None:
    if (table["split"] == "val").any():
        return
    train = np.flatnonzero(table["split"] == "train")
    random = np.random.default_rng([config.seed, VAL_STREAM])
    chosen = held_out(table["label"].to_numpy()[train], config.val_share, random)
    if not chosen.any():
        raise DataError(
            f"data.val_share: no class of {config.source} has two training images "
            f"({counted(len(train), 'image')} in all), so none can be held out"
        )
    table.loc[train[chosen], "split"] = "val"
