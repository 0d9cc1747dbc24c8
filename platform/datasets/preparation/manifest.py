"""From a table of paths and labels to the manifest: splits, imbalance, noise, in this order.

The test split is held out first, of what is not yet unbalanced or noisy; imbalance and noise meet the
training rows; the val split is held out of those last, so that it is as noisy as what is trained on. A
val or test split that the source brings is left as it is.

Training images without a label are set aside while this is done: they are no class's, and stay in train.

Of identities (``data.identities``) those of val are held out second, where the source has no val split of its
own: noise mixes up only whom is learnt.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.preparation import imbalance
from platform.datasets.preparation import label_noise
from platform.datasets.class_codes import codes, sorted_names
from platform.datasets.tables.label_columns import is_unlabelled
from platform.datasets.data_config import AsymmetricNoise, DataConfig, PatternedNoise, SymmetricNoise
from platform.datasets.errors import DataError, counted
from platform.datasets.preparation.held_out_identities import (
    hold_out_identities,
    identity_names,
    refuse_hopeless_queries,
)
from platform.datasets.preparation.picture_features import Features
from platform.datasets.splits import Ints, held_out
from platform.datasets.tables.table_files import MISSING

UNKNOWN = -1
"""The code of a true label that is not known, and of a given one that is missing."""
SET_ASIDE = "unlabelled"
"""Stands for the split of unlabelled training rows until the others are arranged."""

# Each step draws from its own stream, so that one setting does not change what another one draws.
TEST_STREAM, IMBALANCE_STREAM, NOISE_STREAM, VAL_STREAM = 1, 2, 3, 4
TEST_SEED = 0
"""The test split does not depend on ``data.seed``: scores of different seeds stay comparable."""


@dataclass(frozen=True)
class Arranged:
    """What :class:`Data` says of its manifest and classes; row i of it is the table's kept[i]."""

    manifest: pd.DataFrame
    kept: Ints
    classes: tuple[str, ...]
    held_out: tuple[str, ...] = ()


FeaturesOf = Callable[[Ints], Features]
"""The features [R, F] of the pictures in these rows of the table."""


def arrange(
    rows: pd.DataFrame,
    config: DataConfig,
    default_test_share: float,
    features: FeaturesOf | None = None,
) -> Arranged:
    """``rows`` as :func:`list_images` returns them, perhaps without the unreadable ones.

    Patterned noise goes by what pictures look like: before they are decoded there are no ``features``, and
    labels are as they were without it; splits and classes are the same already.
    """
    rows = rows.assign(split=rows["split"].mask(is_unlabelled(rows), SET_ASIDE))
    is_retrieval = config.identities is not None
    if is_retrieval:
        rows = _with_held_out_identities(rows, config, default_test_share)
        classes, others = identity_names(rows, config.source)
    else:
        classes, others = _classes(rows, config), ()
    table = _coded(rows, (*classes, *others))
    if not is_retrieval:
        _hold_out_test(table, config, default_test_share)
    kept = np.arange(len(table))
    if config.imbalance > 1:
        kept = _unbalanced(table, len(classes), config)
        table = table.iloc[kept].reset_index(drop=True)
    strata = table["label"].copy()
    if config.noise is not None:
        noisy = codes(rows["noisy"].iloc[kept], classes) if "noisy" in rows else None
        _add_noise(table, classes, config, _Hints(noisy, features, kept))
    if not is_retrieval:
        is_patterned = isinstance(config.noise, PatternedNoise)  # its labels are not known before decoding
        _hold_out_val(table, strata if is_patterned else table["label"], config)
    if config.val_label == "clean" and (table["clean"][table["split"] == "val"] == UNKNOWN).any():
        raise DataError(
            "data.val_label: the true labels of the val split are not known, so it must be 'given'"
        )
    set_aside = table["split"] == SET_ASIDE
    table["label"] = table["label"].mask(set_aside, UNKNOWN)  # noise of a column may come with true ones
    table["split"] = table["split"].mask(set_aside, "train")
    return Arranged(table, kept, classes, others)


@dataclass(frozen=True)
class _Hints:
    """What noise may go by besides the labels: a column of codes, the pictures of the rows ``kept``."""

    noisy: Ints | None
    features: FeaturesOf | None
    kept: Ints


def _coded(rows: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": rows["path"].to_numpy(),
            "label": codes(rows["label"], names),
            "clean": codes(rows["clean"], names) if "clean" in rows else UNKNOWN,
            "split": rows["split"].to_numpy(),
            "camera": rows["camera"].to_numpy(dtype=np.int64) if "camera" in rows else UNKNOWN,
            "role": rows["role"].to_numpy() if "role" in rows else "",
        }
    )


def _with_held_out_identities(rows: pd.DataFrame, config: DataConfig, default_share: float) -> pd.DataFrame:
    assert config.identities is not None
    queries = config.identities.queries
    share = _test_share(rows, config, default_share)
    if share:
        random = np.random.default_rng([TEST_SEED, TEST_STREAM])
        rows = hold_out_identities(rows, "test", share, queries, random)
    refuse_hopeless_queries(rows, config.source)
    if (rows["split"] == "val").any():  # a table's own
        return rows
    random = np.random.default_rng([config.seed, VAL_STREAM])
    return hold_out_identities(rows, "val", config.val_share, queries, random)


def _classes(rows: pd.DataFrame, config: DataConfig) -> tuple[str, ...]:
    """The training rows' labels, given, true and noisy, sorted: as numbers if all are whole numbers."""
    is_train = rows["split"] == "train"
    columns = [column for column in ("label", "clean", "noisy") if column in rows]
    names = {str(name) for column in columns for name in rows[column][is_train].unique()} - {MISSING}
    learnt = rows["noisy" if "noisy" in rows else "label"][is_train].unique()
    if len(learnt) < 2:
        what = (
            f"holds one class only ({learnt[0]!r})" if len(learnt) else "has no label for any training image"
        )
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
    return sorted_names(names)


def _test_share(table: pd.DataFrame, config: DataConfig, default_share: float) -> float:
    """What is to be held out: 0 where the source has a test split. Raises :class:`DataError`."""
    has_test = bool((table["split"] == "test").any())
    if has_test and config.test_share:
        raise DataError(
            f"data.test_share: {config.source} has a test split of its own, so it must be null, "
            f"got {config.test_share:g}"
        )
    share = default_share if config.test_share is None else config.test_share
    return 0.0 if has_test else share


def _hold_out_test(table: pd.DataFrame, config: DataConfig, default_share: float) -> None:
    share = _test_share(table, config, default_share)
    if not share:
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


def _add_noise(table: pd.DataFrame, classes: tuple[str, ...], config: DataConfig, hints: _Hints) -> None:
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
    elif isinstance(config.noise, PatternedNoise):
        if hints.features is None:
            return
        features_NF = hints.features(hints.kept[is_train])
        noisy = label_noise.patterned(labels, features_NF, config.noise, random)
    else:
        assert hints.noisy is not None  # the reader has put it there, or refused
        noisy = hints.noisy[is_train]
    table.loc[is_train, "label"] = noisy


def _hold_out_val(table: pd.DataFrame, strata: pd.Series, config: DataConfig) -> None:
    if (table["split"] == "val").any():
        return
    train = np.flatnonzero(table["split"] == "train")
    random = np.random.default_rng([config.seed, VAL_STREAM])
    chosen = held_out(strata.to_numpy()[train], config.val_share, random)
    if not chosen.any():
        raise DataError(
            f"data.val_share: no class of {config.source} has two training images "
            f"({counted(len(train), 'image')} in all), so none can be held out"
        )
    table.loc[train[chosen], "split"] = "val"
