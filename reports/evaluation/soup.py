"""Greedy soups: of trials of one architecture, the mean of the weights that make validation better.

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
from uuid import uuid4

from safetensors.torch import save_model

from platform.datasets.preparation.data import Data
from platform.training.checkpoints.description import DESCRIPTION, read_description, weights_file
from platform.training.evaluation.classification import validation_metrics
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Predictor
from platform.training.checkpoints.soup import mean_weights, recompute_batch_norm
from reports.sweeps.contents import EvaluatedTrial
from reports.evaluation.checkpoints import checkpoint_digest, device
from reports.evaluation.predictions import Prediction, digest_as_kept, kept_file, kept_or_made, predicted_by
from reports.ranking.rank import Mode, better, number

FOLDER: Final = "soup"
IMAGES: Final = 2048
"""Training images, every so manieth, of which batch norm's statistics are made: more hardly change them."""

_NO_WEIGHTS = ("dropout", "drop_path", "pretrained", "weights")
"""Settings of a model by which networks of the same shape may differ."""


@dataclass(frozen=True)
class Kitchen:
    """Makes soups of a report's trials; ``folder``: the sweep's, where they and what they say are kept."""

    folder: Path
    data: Data
    metric: str
    mode: Mode

    def soups(self, trials: Sequence[EvaluatedTrial]) -> tuple[list[EvaluatedTrial], list[str]]:
        """The soup of each architecture that has one, and a sentence for each that has none."""
        made: list[EvaluatedTrial] = []
        remarks: list[str] = []
        for alike in same_shapes(trials):
            chosen, best = self.greedy(alike)
            if len(chosen) > 1:
                made.append(self._written(chosen))
            else:
                remarks.append(self._lost(alike, best))
        return made, remarks

    def greedy(self, trials: Sequence[EvaluatedTrial]) -> tuple[list[EvaluatedTrial], float]:
        """Which of these trials make the soup, and the best metric that any mean of several reached.

        From the best single trial on, in the order of the ranking, each is added whose weights in the mean
        make ``metric`` better; the paper adds those, too, that leave it the same.
        """
        chosen, value = [trials[0]], trials[0].metrics[self.metric]
        seen: list[float] = []
        for other in trials[1:]:
            prediction = self._prediction([*chosen, other])
            seen.append(validation_metrics(prediction.probabilities_MNC, self.data)[self.metric])
            if better(seen[-1], value, self.mode):
                chosen, value = [*chosen, other], seen[-1]
        return chosen, max(seen) if self.mode == "max" else min(seen)

    def mixed(self, trials: Sequence[EvaluatedTrial]) -> Predictor:
        """Networks with the mean weights of the trials', and batch norm's statistics of training images."""
        predictors = [load_predictor(one.checkpoint.fetched(), device()) for one in trials]
        soup = predictors[0]
        for place, network in enumerate(soup.networks):
            network.load_state_dict(mean_weights([one.networks[place].state_dict() for one in predictors]))
            images = soup.loader(self.data, "train", part=partial(some, soup.config.batch_size))
            recompute_batch_norm(network, images, channels_last=soup.config.channels_last)
        return soup

    def _prediction(self, trials: Sequence[EvaluatedTrial]) -> Prediction:
        """Of validation, kept like those of checkpoints."""
        file = kept_file(self.folder, soup_digest(trials), self.data)
        return kept_or_made(file, lambda: predicted_by(self.mixed(trials), self.data, "val"))

    def _written(self, trials: Sequence[EvaluatedTrial]) -> EvaluatedTrial:
        """The soup as a checkpoint; what it says of validation is known by its digest, too."""
        folder = self.folder / FOLDER / f"{soup_digest(trials)[:16]}-{digest_as_kept(self.data)}"
        if not (folder / DESCRIPTION).exists():
            save_soup(folder, self.mixed(trials), trials)
        digest = checkpoint_digest(folder)
        kept_or_made(kept_file(self.folder, digest, self.data), lambda: self._prediction(trials))
        names = tuple(one.ranked.trial.trial_id for one in trials)
        return replace(trials[0], checkpoint=Folder.of(folder), digest=digest, soup=names)

    def _lost(self, trials: Sequence[EvaluatedTrial], best: float) -> str:
        first = trials[0].name
        others = ", ".join(one.name for one in trials[1:])
        return (
            f"No soup: the weights of {first}, averaged with those of {others}, have {self.metric} "
            f"{number(best)} at best, and those of {first} alone {number(trials[0].metrics[self.metric])}. "
            "Weights can be averaged of networks that lie in one basin of the loss, as fine-tuned ones of "
            "the same start may."
        )


def same_shapes(trials: Sequence[EvaluatedTrial]) -> list[list[EvaluatedTrial]]:
    """Groups of two and more trials whose weights can be averaged, each in the order of the ranking.

    They have the same networks, classes, normalisation and image size; dropout and what they started from
    may differ.
    """
    groups: dict[str, list[EvaluatedTrial]] = {}
    for one in trials:
        groups.setdefault(_shape(read_description(one.checkpoint)), []).append(one)
    return [group for group in groups.values() if len(group) > 1]


def soup_digest(trials: Iterable[EvaluatedTrial]) -> str:
    """The same for the same checkpoints in whatever order."""
    return hashlib.sha256(json.dumps(["soup", *sorted(one.digest for one in trials)]).encode()).hexdigest()


def some(batch_size: int, images: int) -> slice:
    """Every so manieth of them, IMAGES at most, in whole batches where there is more than one.

    So each batch counts the same in a plain mean over them, and none is a single image.
    """
    wanted = min(images, IMAGES)
    at_once = 2 * batch_size  # of loaders that evaluate
    whole = wanted - wanted % at_once if wanted > at_once else wanted
    step = images // wanted
    return slice(0, whole * step, step)


def save_soup(folder: Path, soup: Predictor, trials: Sequence[EvaluatedTrial]) -> None:
    """Write it as a checkpoint, in full or not at all."""
    description = read_description(trials[0].checkpoint)
    description |= {"metrics": {}, "history": [], "soup": [one.digest for one in trials]}
    draft = folder.with_name(f".{folder.name}.{uuid4().hex}")
    draft.mkdir(parents=True)
    try:
        for place, network in enumerate(soup.networks, start=1):
            save_model(network, str(weights_file(draft, description, place)))
        (draft / DESCRIPTION).write_text(json.dumps(description, indent=2))
        shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def remove_others(run_folder: Path, trials: Iterable[EvaluatedTrial]) -> None:
    """Delete the soups of earlier reports; those that are among ``trials`` stay, and what is no folder."""
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
