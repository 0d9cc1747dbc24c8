"""Greedy soups: the mean of the weights of trials with one architecture, as far as it helps validation.

Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves accuracy without
increasing inference time, ICML 2022 (arXiv 2203.05482), recipe 1. A soup is a checkpoint like a trial's, in
runs/NAME/soup/: one network (or one pair of networks) with the cost of one.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from safetensors.torch import save_model

from platform.datasets.preparation.data import Data
from platform.storage.disk import written_to
from platform.storage.folder import Folder
from platform.storage.whole_files import whole_folder
from platform.training.checkpoints.description import DESCRIPTION, read_description, weights_file
from platform.training.checkpoints.loading import load_predictor
from platform.training.checkpoints.soup import mean_weights, recompute_batch_norm
from platform.training.evaluation.classification import validation_metrics
from platform.training.evaluation.prediction import Predictor
from reports.evaluation.checkpoints import checkpoint_digest, device
from reports.evaluation.predictions import Prediction, digest_as_kept, kept_file, kept_or_made, predicted_by
from reports.ranking.rank import Mode, better, number
from reports.sweeps.contents import EvaluatedTrial

FOLDER: Final = "soup"
IMAGES: Final = 2048
"""Training images, evenly spaced, for batch norm's statistics; more would hardly change them."""

_NO_WEIGHTS = ("dropout", "drop_path", "pretrained", "weights")
"""Settings that do not affect the shape of a network's weights."""


@dataclass(frozen=True)
class SoupMaker:
    """Makes soups of a report's trials; ``folder``: the sweep's, which keeps soups and their predictions."""

    folder: Path
    data: Data
    metric: str
    mode: Mode

    def soups(self, trials: Sequence[EvaluatedTrial]) -> tuple[list[EvaluatedTrial], list[str]]:
        """The soup of each architecture, and a sentence for each architecture without one."""
        soups: list[EvaluatedTrial] = []
        remarks: list[str] = []
        for group in same_shapes(trials):
            chosen, best = self.greedy(group)
            if len(chosen) > 1:
                soups.append(self._written(chosen))
            else:
                remarks.append(self._no_soup(group, best))
        return soups, remarks

    def greedy(self, trials: Sequence[EvaluatedTrial]) -> tuple[list[EvaluatedTrial], float]:
        """The trials of the soup, and the best metric that any mean of several trials reached.

        Starting with the best trial, in the order of the ranking, a trial is added if its weights in the mean
        improve ``metric``. The paper also adds those that leave it the same.
        """
        chosen, value = [trials[0]], trials[0].metrics[self.metric]
        values: list[float] = []
        for other in trials[1:]:
            prediction = self._prediction([*chosen, other])
            values.append(validation_metrics(prediction.probabilities_MNC, self.data)[self.metric])
            if better(values[-1], value, self.mode):
                chosen, value = [*chosen, other], values[-1]
        return chosen, max(values) if self.mode == "max" else min(values)

    def averaged(self, trials: Sequence[EvaluatedTrial]) -> Predictor:
        """Networks with the trials' mean weights, and batch norm's statistics measured on training images."""
        predictors = [load_predictor(one.checkpoint.fetched(), device()) for one in trials]
        soup = predictors[0]
        for place, network in enumerate(soup.networks):
            network.load_state_dict(mean_weights([one.networks[place].state_dict() for one in predictors]))
            images = soup.loader(self.data, "train", part=partial(spaced_images, soup.config.batch_size))
            recompute_batch_norm(network, images, channels_last=soup.channels_last)
        return soup

    def _prediction(self, trials: Sequence[EvaluatedTrial]) -> Prediction:
        """Validation prediction of the mean, kept like that of a checkpoint."""
        file = kept_file(self.folder, soup_digest(trials), self.data)
        return kept_or_made(file, lambda: predicted_by(self.averaged(trials), self.data, "val"))

    def _written(self, trials: Sequence[EvaluatedTrial]) -> EvaluatedTrial:
        """Write the soup as a checkpoint; keep its validation prediction under the checkpoint's digest."""
        folder = self.folder / FOLDER / f"{soup_digest(trials)[:16]}-{digest_as_kept(self.data)}"
        if not (folder / DESCRIPTION).exists():
            save_soup(folder, self.averaged(trials), trials)
        digest = checkpoint_digest(folder)
        kept_or_made(kept_file(self.folder, digest, self.data), lambda: self._prediction(trials))
        names = tuple(one.ranked.trial.trial_id for one in trials)
        return replace(trials[0], checkpoint=Folder.of(folder), digest=digest, soup=names)

    def _no_soup(self, trials: Sequence[EvaluatedTrial], best: float) -> str:
        first = trials[0].name
        others = ", ".join(one.name for one in trials[1:])
        return (
            f"No soup: the weights of {first}, averaged with those of {others}, reach {self.metric} "
            f"{number(best)} at best; {first} alone reaches {number(trials[0].metrics[self.metric])}. "
            "Averaging helps networks in one basin of the loss, such as networks fine-tuned from the same "
            "weights."
        )


def same_shapes(trials: Sequence[EvaluatedTrial]) -> list[list[EvaluatedTrial]]:
    """Groups of two or more trials whose weights can be averaged, each in the order of the ranking.

    They have the same networks, classes, normalisation and image size; dropout and initial weights may
    differ.
    """
    groups: dict[str, list[EvaluatedTrial]] = {}
    for one in trials:
        groups.setdefault(_shape(read_description(one.checkpoint)), []).append(one)
    return [group for group in groups.values() if len(group) > 1]


def soup_digest(trials: Iterable[EvaluatedTrial]) -> str:
    """The same digest for the same checkpoints in any order."""
    return hashlib.sha256(json.dumps(["soup", *sorted(one.digest for one in trials)]).encode()).hexdigest()


def spaced_images(batch_size: int, images: int) -> slice:
    """At most IMAGES of them, evenly spaced; if they need several batches, all batches are full.

    So a plain mean over batches weighs all images the same, and no batch is a single image.
    """
    wanted = min(images, IMAGES)
    at_once = 2 * batch_size  # as loaders for evaluation do
    whole = wanted - wanted % at_once if wanted > at_once else wanted
    step = images // wanted
    return slice(0, whole * step, step)


def save_soup(folder: Path, soup: Predictor, trials: Sequence[EvaluatedTrial]) -> None:
    """Write the soup as a checkpoint, in full or not at all."""
    description = read_description(trials[0].checkpoint)
    description |= {"metrics": {}, "history": [], "soup": [one.digest for one in trials]}
    with whole_folder(folder) as draft, written_to(folder):
        for place, network in enumerate(soup.networks, start=1):
            save_model(network, str(weights_file(draft, description, place)))
        (draft / DESCRIPTION).write_text(json.dumps(description, indent=2))


def remove_others(run_folder: Path, trials: Iterable[EvaluatedTrial]) -> None:
    """Delete soups of earlier reports that are not among ``trials``; files and links stay."""
    wanted = {str(one.checkpoint) for one in trials if one.soup}
    for folder in (run_folder / FOLDER).glob("*"):
        if folder.is_dir() and not folder.is_symlink() and str(Folder.of(folder)) not in wanted:
            shutil.rmtree(folder)


def _shape(description: dict[str, Any]) -> str:
    networks = [
        {"input": one["input"], "section": _without_rates(one["section"])} for one in description["networks"]
    ]
    same = [description.get(key) for key in ("classes", "mean", "std", "image_size", "sees_whole")]
    return json.dumps([networks, same], sort_keys=True)


def _without_rates(section: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in section.items() if key not in _NO_WEIGHTS}
    if kept.get("embedding"):
        kept["embedding"] = {"dim": kept["embedding"]["dim"]}
    return kept
