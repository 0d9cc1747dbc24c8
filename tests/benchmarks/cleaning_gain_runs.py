"""One run of ``cleaning_gain``: a method alone, and after an audit and a policy. R: training images."""

import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import torch

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.labels.confidence import SparseProbabilities
from platform.datasets.audit.labels.evidence import FoldEvidence, LabelEvidence, mean_ranks
from platform.datasets.audit.labels.neighbours import nearest
from platform.datasets.audit.labels.probe import judge
from platform.datasets.audit.labels.scoring import Labels, choose_planted
from platform.datasets.audit.labels.stage import NEIGHBOURS, score_labels
from platform.datasets.audit.labels.votes import fit_noise
from platform.datasets.cleaning.apply import applied
from platform.datasets.cleaning.decide import decide
from platform.datasets.cleaning.limits import within_limits
from platform.datasets.cleaning.manifest_table import as_given
from platform.datasets.cleaning.policy import load_policy
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.class_codes import codes, sorted_names
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.training.evaluation.prediction import eval_loader, network_embeddings, network_probabilities
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from reports.audit.folds import train_folds

from .label_error_cases import unit

POLICY: Final = Path("search_spaces/policies/labels.yaml")
LEFT_OUT: Final = "left_out"
"""The split of training images that a run does without."""
DIGITS: Final = {"source": "digits", "test_share": 0.3, "val_share": 0.1}
PEOPLE: Final = {"label": "worse", "clean_label": "clean", "val_share": 0.02}


@dataclass(frozen=True)
class Case:
    """``section``: of the data; ``images``: training images that a run draws, None: all. ``size`` in px."""

    name: str
    section: dict[str, Any]
    images: int | None
    size: int
    backbone: str
    epochs: int
    folds: int


@dataclass(frozen=True)
class Row:
    """Accuracies on the test images' true labels after the last epoch, and what was done to the labels.

    ``wrong_before``, ``wrong_after``: shares of wrong labels among those that are learnt. ``changed``: share
    of the training images that lost or changed their label or weigh less; ``changed_rightly``: of these, the
    share whose label was wrong, NaN for none. ``cautious``: whether the audit said not to believe it.
    """

    case: str
    method: str
    seed: int
    images: int
    alone: float
    cleaned: float
    wrong_before: float
    wrong_after: float
    changed: float
    changed_rightly: float
    cautious: bool
    seconds: float


def cases(source: Path | None, images: int, epochs: int) -> Iterator[Case]:
    """Digits with look-alike noise and without; with ``source``, CIFAR-10N's worst and its true labels."""
    noise = {"kind": "patterned", "rate": 0.3}
    yield Case("digits, 30 % look-alikes", {**DIGITS, "noise": noise}, None, 16, "test_resnet", epochs, 2)
    yield Case("digits, true labels", DIGITS, None, 16, "test_resnet", epochs, 2)
    if source is not None:
        people = {**PEOPLE, "source": str(source / "cifar10n.zip")}
        yield Case("CIFAR-10N worse", people, images, 32, "test_byobnet", epochs, 2)
        true = {**people, "label": "clean"}
        yield Case("CIFAR-10N, true labels", true, images, 32, "test_byobnet", epochs, 2)


def run(case: Case, method: dict[str, Any], seed: int) -> Row:
    """Train the method, audit and clean with what it knows, train the method on the cleaned labels."""
    started = time.monotonic()
    data = _drawn(case, seed)
    config = _trial(case, method, seed)
    first = _trained(config, data)
    after, cautious = _cleaned(case, config, data, first)
    second = _trained(config, after)
    given_R, true_R = data.given("train"), data.clean("train")
    learnt_R, clean_R = after.given("train"), after.clean("train")
    changed_R = _changed(data, after)
    return Row(
        case.name,
        config.method.name,
        seed,
        len(given_R),
        _accuracy(first, data),
        _accuracy(second, data),
        float((given_R != true_R).mean()),
        float((learnt_R != clean_R).mean()),
        float(changed_R.mean()),
        float((given_R != true_R)[changed_R].mean()) if changed_R.any() else math.nan,
        cautious,
        time.monotonic() - started,
    )


def as_record(row: Row) -> dict[str, Any]:
    return asdict(row)


@cache
def _prepared(source: str, size: int) -> Data:
    """Of the section as JSON: images are decoded once for all seeds of a case."""
    return prepare(DataConfig.model_validate_json(source), size)


def _drawn(case: Case, seed: int) -> Data:
    """Noise, splits or the images that are learnt differ from seed to seed."""
    seeded = case.section if case.images else {**case.section, "seed": seed}
    data = _prepared(DataConfig.model_validate(seeded).model_dump_json(), case.size)
    if not data.clean_known("train"):  # the labels of digits without noise are true
        data = replace(data, manifest=data.manifest.assign(clean=data.manifest["label"]))
    if case.images is None:
        return data
    rows = data.rows("train")
    left = np.random.default_rng(seed).permutation(rows)[case.images :]
    split = data.manifest["split"].to_numpy(dtype=object).copy()
    split[left] = LEFT_OUT
    return replace(data, manifest=data.manifest.assign(split=split))


def _trial(case: Case, method: dict[str, Any], seed: int) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "seed": seed,
            "epochs": case.epochs,
            "batch_size": 64 if case.images else 32,
            "image_size": case.size,
            "augment": {
                "crop": "padded",
                "padding": case.size // 8,
                "horizontal_flip": 0.5 if case.images else 0.0,
            },
            "channels_last": True,
            "model": {"backbone": case.backbone},
            "method": method,
            "optim": {"lr": 0.1, "weight_decay": 5e-4},
        }
    )


def _trained(config: TrialConfig, data: Data) -> Trainer:
    trainer = Trainer(config, data, threads=1)
    while not trainer.is_over:
        trainer.train_epoch()
    return trainer


def _accuracy(trainer: Trainer, data: Data) -> float:
    of_networks_MNC = network_probabilities(
        trainer.evaluated_networks,
        _loader(trainer, data, "test"),
        precision=trainer.precision,
        channels_last=True,
    )
    return float((of_networks_MNC.mean(0).argmax(1) == data.clean("test")).mean())


def _loader(trainer: Trainer, data: Data, split: Any) -> Any:
    config = trainer.stage.config
    return eval_loader(
        data,
        split,
        batch_size=config.batch_size,
        image_size=config.image_size,
        whole=config.augment.sees_whole,
        normalisation=trainer.normalisation,
        device=trainer.device,
    )


def _cleaned(case: Case, config: TrialConfig, data: Data, trainer: Trainer) -> tuple[Data, bool]:
    """As ``data audit --sweep --folds`` and ``data clean`` do: embeddings and margins of the network that
    was trained, predictions of networks of folds, and the policy :data:`POLICY`."""
    frame = data.manifest_frame()
    rows = frame[frame["split"] == "train"].reset_index(drop=True)
    with tempfile.TemporaryDirectory() as place:
        folder = AuditFolder(Path(place))
        rows[["path", "label", "split"]].assign(readable=True).to_parquet(folder.images_file)
        notes = score_labels(folder, _evidence(case, config, data, trainer, rows["label"], folder.path))
        issues = folder.issues()
    policy = load_policy(POLICY)
    texts = rows[["label", "clean"]].astype(object)
    before = as_given(rows.assign(label=texts["label"], clean=texts["clean"]))
    found, _ = within_limits(
        before, decide(before, issues, {}, policy), pd.Series(True, before.index), policy.limits
    )
    return _with_labels(data, applied(before, found, 1)), "caution" in notes or "refused" in notes


def _evidence(
    case: Case, config: TrialConfig, data: Data, trainer: Trainer, given: "pd.Series[str]", kept: Path
) -> LabelEvidence:
    networks = network_embeddings(
        trainer.evaluated_networks,
        _loader(trainer, data, "train"),
        flip=False,
        precision=trainer.precision,
        channels_last=True,
    )
    embeddings = unit(torch.cat([torch.from_numpy(one).float() for one in networks], 1))
    classes = sorted_names(given.unique())
    labels_R = codes(given, classes)
    labels = Labels(embeddings, labels_R, len(classes), nearest(embeddings, NEIGHBOURS))
    noise = fit_noise(labels_R, labels.neighbours.places_NK, labels.classes)
    judged = judge(embeddings, labels_R, labels.classes)
    planted = choose_planted(labels, noise, judged.probabilities)
    code_C = np.array([data.classes.index(name) for name in classes])
    learnt_R = code_C[planted.labels_N]
    found = train_folds(config, data, data.rows("train"), learnt_R, case.folds, kept / "folds", threads=1)
    probabilities = SparseProbabilities.of(found.probabilities_RC[:, code_C])
    known_R = np.ones(len(labels_R), dtype=np.bool_)
    margins = trainer.ledger.table()["mean_margin"].to_numpy(dtype=np.float64)
    return LabelEvidence(
        embeddings,
        {"kind": "sweep"},
        saw_labels=True,
        suspicion_N=mean_ranks([margins]),
        folds=FoldEvidence(probabilities, found.margins_R, known_R, planted),
    )


def _with_labels(data: Data, rows: pd.DataFrame) -> Data:
    """The data as ``data.unlabelled=leave_out`` reads the manifest: labels, weights, and who is left out."""
    place = pd.Index(data.manifest["path"]).get_indexer(pd.Index(rows["path"]))
    label, split = (data.manifest[name].to_numpy(dtype=object).copy() for name in ("label", "split"))
    weight = np.ones(len(label))
    has_label = rows["label"].notna().to_numpy()
    label[place[has_label]] = [data.classes.index(name) for name in rows["label"][has_label]]
    split[place[~has_label]] = LEFT_OUT
    weight[place] = rows["weight"].to_numpy(dtype=np.float64)
    manifest = data.manifest.assign(label=label.astype(np.int64), split=split, weight=weight)
    return replace(data, manifest=manifest)


def _changed(before: Data, after: Data) -> np.ndarray:
    """[R] which training images lost or changed their label, or weigh less."""
    rows, now = before.rows("train"), after.manifest
    gone = (now["split"].to_numpy() == LEFT_OUT)[rows]
    other = (now["label"].to_numpy() != before.manifest["label"].to_numpy())[rows]
    return np.asarray(gone | other | (now["weight"].to_numpy()[rows] != 1))
