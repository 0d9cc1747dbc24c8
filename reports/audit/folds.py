"""Trains a sweep's settings on folds, so that each label is judged by a network that never learnt it.

Shapes: R labelled rows of the manifest, F folds, M networks, C classes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.preparation.data import Data
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.evaluation.classification import Probabilities
from platform.training.evaluation.prediction import network_probabilities
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from reports.evaluation.checkpoints import device

LEFT_OUT = "left_out"
"""The split of rows that a fold neither learns nor predicts."""
FOLD_STREAM = 11  # of random numbers


@dataclass(frozen=True)
class FoldPredictions:
    """Of the R rows, in their order.

    ``probabilities_RC``: by the networks of the fold that did not learn the row. ``margins_R``: the given
    label's logit minus the highest of the others, mean over the epochs and networks that did learn it, NaN
    where none did.
    """

    probabilities_RC: Probabilities
    margins_R: npt.NDArray[np.float64]


def folds_of(labels_R: Ints, folds: int, seed: int) -> Ints:
    """[R] the fold of each row, from 0: rows are dealt out class by class, in random order within each."""
    random = np.random.default_rng([seed, FOLD_STREAM])
    order = random.permutation(len(labels_R))
    by_class = order[np.argsort(labels_R[order], kind="stable")]
    fold_R = np.empty(len(labels_R), dtype=np.int64)
    fold_R[by_class] = np.arange(len(labels_R)) % folds
    return fold_R


def train_folds(
    config: TrialConfig,
    data: Data,
    rows_R: Ints,
    labels_R: Ints,
    folds: int,
    kept: Path,
    *,
    threads: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> FoldPredictions:
    """Train ``config`` once for each fold on the other folds' rows, and predict the fold.

    ``rows_R`` of the manifest are learnt with the labels ``labels_R``, which need not be the given ones. A
    fold that is done is kept in the folder ``kept``, and read from there after a kill.
    """
    fold_R = folds_of(labels_R, folds, config.seed)
    key = _key(config, data, rows_R, labels_R, folds)
    probabilities_RC = np.zeros((len(rows_R), len(data.classes)), dtype=np.float32)
    sums_R, times_R = np.zeros(len(rows_R)), np.zeros(len(rows_R))
    for fold in range(folds):
        file = kept / f"{key}-{fold + 1}-of-{folds}.npz"
        found = read_npz(file)
        if found is None:
            own = _fold_data(data, rows_R, labels_R, fold_R == fold)
            found = _trained(config, own, rows_R, f"fold {fold + 1} of {folds}", threads, say)
            write_whole(file, npz(found))
        probabilities_RC[fold_R == fold] = found["probabilities_FC"]
        is_known_R = ~np.isnan(found["margins_R"])
        sums_R[is_known_R] += found["margins_R"][is_known_R]
        times_R += is_known_R
    with np.errstate(invalid="ignore"):
        return FoldPredictions(probabilities_RC, sums_R / times_R)


def _fold_data(data: Data, rows_R: Ints, labels_R: Ints, is_asked_R: npt.NDArray[np.bool_]) -> Data:
    """The data with ``labels_R``, the fold's rows as validation and the others as training."""
    split = np.full(len(data.manifest), LEFT_OUT, dtype=object)
    split[rows_R] = np.where(is_asked_R, "val", "train")
    label = data.manifest["label"].to_numpy(dtype=np.int64).copy()
    label[rows_R] = labels_R
    return replace(data, manifest=data.manifest.assign(split=split, label=label), val_label="given")


def _trained(
    config: TrialConfig, data: Data, rows_R: Ints, what: str, threads: int | None, say: Callable[[str], None]
) -> dict[str, npt.NDArray[np.float32]]:
    trainer = Trainer(config, data, device=device(), threads=threads)
    while not trainer.is_over:
        say(f"{what}: epoch {trainer.epoch + 1} of {config.total_epochs}")
        trainer.train_epoch()
    of_networks = network_probabilities(
        trainer.evaluated_networks,
        trainer.stage.val_loader,
        precision=trainer.precision,
        channels_last=trainer.channels_last,
    )
    ledger = trainer.ledger
    times_N = np.maximum(ledger.times_N.cpu().numpy(), 1)
    margins = np.full(len(data.manifest), np.nan, dtype=np.float32)
    margins[data.rows("train")] = ledger.margins_MN.mean(dim=0).cpu().numpy() / times_N
    return {"probabilities_FC": of_networks.mean(axis=0), "margins_R": margins[rows_R]}


def _key(config: TrialConfig, data: Data, rows_R: Ints, labels_R: Ints, folds: int) -> str:
    """The same for the same training of the same rows and labels."""
    sha = hashlib.sha256(f"{config.model_dump_json()}\0{data.digest}\0{folds}".encode())
    sha.update(np.stack([rows_R, labels_R]).tobytes())
    return sha.hexdigest()[:16]
