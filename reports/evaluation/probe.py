"""Features for the probe: of the weights that the best trial started from, or of the pictures themselves.

N: training images, V: validation images, D: features.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from platform.datasets.arrays import Ints
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.picture_features import picture_features
from platform.models.normalisation import Normalisation
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.checkpoints.initial_weights import read_initial_weights
from platform.training.checkpoints.loading import load_predictor
from platform.training.checkpoints.networks import build_networks, place
from platform.training.evaluation.prediction import eval_loader, network_embeddings
from platform.training.trial.trial_config import TrialConfig
from reports.evaluation.checkpoints import device
from reports.evaluation.members import Member
from reports.evaluation.predictions import FOLDER, digest_as_kept
from reports.evaluation.probe_classifiers import Features, compared_metric, probe
from reports.findings.probe import Probe
from reports.sweeps.inputs import Inputs

MOST_IMAGES = 20_000
"""Training images that the probe learns from at most: they give it minutes rather than hours."""
_SEED = 0


@dataclass(frozen=True)
class _Probed:
    """``what``: the features in words; those of the ``learnt_N`` training images and of validation."""

    what: str
    learnt_ND: Features
    asked_VD: Features


def probed(best: Member, inputs: Inputs, data: Data) -> Probe | None:
    """Compare the best trial with simple classifiers on frozen features.

    None if the YAML's ``report.probe`` is false, for identities, and if there are no two classes to learn.

    Raises:
        UserError: the weights that the trial started from are gone or do not fit.
    """
    if data.is_retrieval or not inputs.loaded.first().report.probe:
        return None
    given_N = data.given("train")
    labelled = np.flatnonzero(given_N != UNKNOWN)
    places = labelled
    if len(labelled) > MOST_IMAGES:
        places = np.sort(np.random.default_rng(_SEED).choice(labelled, MOST_IMAGES, replace=False))
    config = load_predictor(best.evaluated.checkpoint.fetched(), "cpu").config
    found = _features(config, data, places, inputs.folder.path)
    notes = (f"It learnt from {MOST_IMAGES:,} of {len(labelled):,} training images.",)
    return probe(
        found.what,
        found.learnt_ND,
        given_N[places],
        found.asked_VD,
        data.evaluation_labels("val"),
        (best.evaluated.name, best.validation.of_classes_NC),
        compared_metric(inputs.metric),
        notes if len(places) < len(labelled) else (),
    )


def _features(config: TrialConfig, data: Data, places: Ints, run_folder: Path) -> _Probed:
    """Those of the trial's weights at its start; without trained ones, colours and edges of the pictures.

    A network with random weights is not probed: it would stand for no one's work.
    """
    section = config.models[0]
    if config.init_from is None and section.weights is None and not section.pretrained:
        train, val = data.rows("train")[places], data.rows("val")
        what = "colours and edges of the pictures (the trial started without trained weights)"
        of_rows = [picture_features(data.images, rows).astype(np.float32) for rows in (train, val)]
        return _Probed(what, *of_rows)
    what = f"frozen features of {section.backbone}, as the trial started"
    file = run_folder / FOLDER / f"probe-{_digest(config)}-{digest_as_kept(data)}.npz"
    kept = read_npz(file)
    if kept is None or kept.keys() != {"learnt_ND", "asked_VD"}:
        learnt_ND, asked_VD = _embedded(config, data, places)
        kept = {"learnt_ND": learnt_ND, "asked_VD": asked_VD}
        write_whole(file, npz(kept))
    return _Probed(what, kept["learnt_ND"], kept["asked_VD"])


def _embedded(config: TrialConfig, data: Data, places: Ints) -> list[Features]:
    """What the classifier of the trial's first network takes before any training: [N, D] and [V, D]."""
    networks = build_networks(config, len(data.classes), Normalisation(data.mean, data.std))
    network = place(networks.modules[0], torch.device(device()), channels_last=False)
    return [
        network_embeddings(
            [network],
            eval_loader(
                data,
                split,
                batch_size=config.batch_size,
                image_size=config.phases[0].image_size,
                whole=False,
                normalisation=networks.normalisation,
                device=torch.device(device()),
                part=(lambda _: places) if split == "train" else None,
            ),
            flip=False,
            precision="fp32",
            channels_last=False,
        )[0]
        for split in ("train", "val")
    ]


def _digest(config: TrialConfig) -> str:
    """Equal for equal weights, architectures and image sizes."""
    files = [one.file for one in read_initial_weights(config)[:1]]
    files += [Path(config.models[0].weights)] if config.models[0].weights else []
    of_files = []
    for one in files:
        with one.open("rb") as content:
            of_files.append(hashlib.file_digest(content, "sha256").hexdigest())
    section = config.models[0].model_dump(mode="json", exclude={"weights"})
    size = tuple(config.phases[0].image_size)
    return hashlib.sha256(json.dumps([section, size, of_files, version("timm")]).encode()).hexdigest()[:16]
