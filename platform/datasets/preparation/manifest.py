"""Make the manifest from a table of paths and labels: test split, imbalance, noise, val split, in this order.

The test split is held out before imbalance and noise, which change training rows only. The val split is
held out last, so that it is as noisy as the training rows. Val and test splits of the source stay unchanged.

Training images without a label are set aside meanwhile: they belong to no class and stay in train.

Identities (``data.identities``) of val are held out right after those of test, so that noise confuses
training identities only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.arrays import Ints
from platform.datasets.data_config import AsymmetricNoise, DataConfig, PatternedNoise, SymmetricNoise
from platform.datasets.errors import DataError, counted
from platform.datasets.preparation import imbalance, label_noise
from platform.datasets.preparation.class_codes import UNKNOWN, codes, sorted_names
from platform.datasets.preparation.held_out_identities import (
    hold_out_identities,
    identity_names,
    refuse_hopeless_queries,
)
from platform.datasets.preparation.injected import NOTHING_INJECTED, Injected
from platform.datasets.preparation.picture_features import Features
from platform.datasets.splits import held_out
from platform.datasets.tables.label_columns import is_unlabelled
from platform.datasets.tables.table_files import MISSING

SET_ASIDE = "unlabelled"
"""The split of unlabelled training rows until the others have theirs."""

# Each step has its own random stream, so that a setting never changes another's draws.
TEST_STREAM, IMBALANCE_STREAM, NOISE_STREAM, VAL_STREAM = 1, 2, 3, 4
TEST_SEED = 0
"""The test split does not depend on ``data.seed``: scores of different seeds stay comparable."""


@dataclass(frozen=True)
class Manifest:
    """``table`` is the manifest of :class:`Data`; its row i is row kept[i] of the listing."""

    table: pd.DataFrame
    kept: Ints
    classes: tuple[str, ...]
    held_out: tuple[str, ...] = ()
    injected: Injected = NOTHING_INJECTED


FeaturesOf = Callable[[Ints], Features]
"""The features [R, F] of the images in these rows of the listing."""


def make_manifest(
    rows: pd.DataFrame,
    config: DataConfig,
    default_test_share: float,
    features: FeaturesOf | None = None,
) -> Manifest:
    """Make the manifest of the ``rows`` of :func:`list_images`, perhaps without unreadable ones.

    Patterned noise needs ``features``, which exist after decoding only. Without them labels stay free of that
    noise; splits and classes are already final.
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
    kept, images = np.arange(len(table)), int((table["split"] == "train").sum())
    if config.imbalance > 1:
        kept = _unbalanced(table, len(classes), config)
        table = table.iloc[kept].reset_index(drop=True)
    strata = table["label"].copy()
    left_out, replaced = len(rows) - len(kept), 0
    if config.noise is not None:
        noisy = codes(rows["noisy"].iloc[kept], classes) if "noisy" in rows else None
        replaced = _add_noise(table, classes, config, _Hints(noisy, features, kept))
    if not is_retrieval:
        is_patterned = isinstance(config.noise, PatternedNoise)  # its labels are unknown before decoding
        _hold_out_val(table, strata if is_patterned else table["label"], config)
    if config.val_label == "clean" and (table["clean"][table["split"] == "val"] == UNKNOWN).any():
        raise DataError("data.val_label: the true labels of the val split are unknown, so it must be 'given'")
    set_aside = table["split"] == SET_ASIDE
    table["label"] = table["label"].mask(set_aside, UNKNOWN)  # noise from a column may have labelled them
    table["split"] = table["split"].mask(set_aside, "train")
    injected = Injected(left_out, images, replaced, images - left_out)
    return Manifest(table, kept, classes, others, injected)


@dataclass(frozen=True)
class _Hints:
    """What noise may use besides the labels: a column of codes, and features of the rows ``kept``."""

    noisy: Ints | None
    features: FeaturesOf | None
    kept: Ints


def _coded(rows: pd.DataFrame, names: tuple[str, ...]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "path": rows["path"].to_numpy(),
            "label": codes(rows["label"], names),
            "clean": codes(rows["clean"], names) if "clean" in rows else UNKNOWN,
            "split": rows["split"].to_numpy(),
            "camera": rows["camera"].to_numpy(dtype=np.int64) if "camera" in rows else UNKNOWN,
            "role": rows["role"].to_numpy() if "role" in rows else "",
        }
    )
    return table.assign(weight=rows["weight"].to_numpy(dtype=np.float64)) if "weight" in rows else table


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
    """The names of the training rows' given, true and noisy labels, in the order of :func:`sorted_names`."""
    is_train = rows["split"] == "train"
    columns = [column for column in ("label", "clean", "noisy") if column in rows]
    names = {str(name) for column in columns for name in rows[column][is_train].unique()} - {MISSING}
    learnt = rows["noisy" if "noisy" in rows else "label"][is_train].unique()
    if len(learnt) < 2:
        what = (
            f"holds one class only ({learnt[0]!r})" if len(learnt) else "has no label for any training image"
        )
        raise DataError(f"data.source: {config.source} {what}: classification needs at least two")
    if "clean" in rows and "noisy" not in rows:
        true = set(map(str, rows["clean"][is_train].unique())) - {MISSING}
        if true and not true & set(map(str, learnt)):
            raise DataError(
                f"data.clean_label: no true label ({min(true)!r} …) is one of the given classes "
                f"({min(map(str, learnt))!r} …); write both alike, or set data.clean_label=null"
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
    """The share to hold out; 0 if the source has a test split. Raises :class:`DataError`."""
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


def _add_noise(table: pd.DataFrame, classes: tuple[str, ...], config: DataConfig, hints: _Hints) -> int:
    """Replace the training rows' given labels; the number of those that change.

    The old labels of embedded data are true. Of other data nobody but ``data.clean_label`` knows true ones.
    """
    if config.is_embedded and (table["clean"] == UNKNOWN).all():
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
            return label_noise.number_of_flips(labels, config.noise.rate)
        features_NF = hints.features(hints.kept[is_train])
        noisy = label_noise.patterned(labels, features_NF, config.noise, random)
    else:
        assert hints.noisy is not None  # the reader provides it or raises
        noisy = hints.noisy[is_train]
    table.loc[is_train, "label"] = noisy
    return int((noisy != labels).sum())


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
