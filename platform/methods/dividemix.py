"""DivideMix (Li et al., ICLR 2020): two networks; each learns as labelled what the other's losses call clean.

DivideMix: Learning with Noisy Labels as Semi-supervised Learning, arXiv 2002.07394. The rest, with images
that have no label, is learnt as unlabelled: both networks guess its targets. All images are mixed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.losses.co_refining import prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.divide_mix import (
    clean_probabilities,
    refined_targets,
    sharpen,
    squared_error,
    unlabelled_weight,
)
from platform.losses.negative_entropy import negative_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.methods._outcome import mean_loss, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.methods._tables import TableSpec

NEVER = -1.0
"""The loss of an image without a label, or before it was seen."""


class Config(ConfigBase):
    networks: ClassVar[int] = 2
    augmentations: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """It mixes images itself, after their division."""
    takes_unlabelled: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "warmup_epochs": 10,
        "unlabelled_weight": 25.0,
        "ramp_epochs": 16,
        "threshold": 0.5,
        "temperature": 0.5,
        "mixup_alpha": 4.0,
        "prior": "uniform",
    }
    """For CIFAR-10 with symmetric noise, 300 epochs; unlabelled_weight is 0 for asymmetric noise."""

    warmup_epochs: int = Field(
        3,
        ge=0,
        description="first epochs, in which both networks learn all labels",
        examples=[3, {"int": [1, 10]}],
    )
    confidence_penalty: float = Field(
        0.0,
        ge=0,
        description="weight of the negative entropy in the warm-up (published: 1 for asymmetric noise, else "
        "0)",
        examples=[1.0],
    )
    threshold: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="probability of being clean above which a label is learnt; lower it if nearly no image "
        "is (train/clean)",
        examples=[{"uniform": [0.2, 0.7]}],
    )
    temperature: float = Field(
        0.5, gt=0, description="sharpens the targets: the lower, the surer they are of their highest class"
    )
    mixup_alpha: float = Field(
        4.0,
        gt=0,
        description="shares of mixed images are drawn from Beta(α, α) (published: 4; 0.5 for web images)",
        examples=[{"choice": [0.5, 4.0]}],
    )
    unlabelled_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the loss of the unlabelled after the ramp (published: 25 for symmetric noise, "
        "up to 150; 0 for asymmetric noise and web images)",
        examples=[{"choice": [0.0, 25.0]}],
    )
    ramp_epochs: int = Field(
        2, ge=0, description="epochs after the warm-up over which that weight rises from 0 (published: 16)"
    )
    prior: Literal["class_counts", "uniform"] = Field(
        "class_counts",
        description="what the mean prediction is drawn to: the frequencies of the given labels, or as "
        "published all classes alike, which harms on a long tail",
    )


class Method(TrainingMethod):
    """Per network: CE of the labelled + λ_u · squared error of the unlabelled + KL(prior || mean prediction).

    The first two are means over the mixed images whose larger part is labelled or unlabelled, times that
    image's weight, mixed likewise; the last is times the batch's mean weight.

    The authors draw a labelled and an unlabelled batch, and evaluate all images at the start of each epoch;
    here each batch is divided, and the losses are those of the last epoch's steps: of augmented images, and
    older by up to an epoch, at no cost. The partner of an image is that of a random shift of the batch.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised, over both networks",
        "clean": "share of the images that are learnt with their label, mean of both networks",
        "agreement": "share of the images for which both networks predict the same class",
        "accuracy": "share of the labelled training images, as they were augmented, whose given label both "
        "networks together predict",
    }

    def __init__(self, config: Config, class_counts: Tensor, **context: Any) -> None:
        super().__init__(config, class_counts, **context)
        counts_C = class_counts if config.prior == "class_counts" else torch.ones_like(class_counts)
        self.prior_C = counts_C / counts_C.sum()

    def tables(self) -> tuple[TableSpec, ...]:
        """For each network the last loss of each image, and the probability that its label is clean."""
        return (TableSpec("losses", 2, initial=NEVER), TableSpec("clean_probability", 2, initial=1.0))

    def epoch_started(self, progress: Progress) -> None:
        """Divide the images anew, by each network's losses."""
        if progress.epoch < self.config.warmup_epochs:
            return
        losses_N2 = progress.tables["losses"].values_NK
        known_N = (losses_N2[:, 0] != NEVER).cpu()
        for number, losses_N in enumerate(losses_N2.cpu().unbind(1)):
            clean_N = torch.ones_like(losses_N)
            clean_N[known_N] = torch.from_numpy(clean_probabilities(losses_N[known_N].numpy())).float()
            progress.tables["clean_probability"].values_NK[:, number] = clean_N.to(losses_N2.device)

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.second is not None, "targets are guessed from two augmentations"
        if progress.epoch < self.config.warmup_epochs:
            return self._warm_up(networks, batch, progress)
        with torch.no_grad():
            guesses = [(one(batch.images), one(batch.second)) for one in networks]
        means = [(first.softmax(1) + second.softmax(1)) / 2 for first, second in guesses]
        guessed_BC = sharpen((means[0] + means[1]) / 2, temperature=self.config.temperature)
        clean_B2 = progress.tables["clean_probability"].read(batch.rows)
        losses, chosen = [], []
        for number, network in enumerate(networks):
            clean_B = clean_B2[:, 1 - number]  # by the other's losses
            labelled_B = (clean_B > self.config.threshold) & (batch.labels != UNKNOWN)
            labels_B, temperature = batch.labels.clamp(min=0), self.config.temperature
            own_BC = refined_targets(labels_B, clean_B, means[number], temperature=temperature)
            targets_BC = torch.where(labelled_B[:, None], own_BC, guessed_BC)
            losses.append(self._mixed_loss(network, number, batch, targets_BC, labelled_B, progress))
            chosen.append(labelled_B)
        return self._output(losses, [first for first, _ in guesses], chosen, batch, progress)

    def _warm_up(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        labelled_B, labels_B = batch.labels != UNKNOWN, batch.labels.clamp(min=0)
        logits = [network(batch.images) for network in networks]
        losses = []
        for own_BC in logits:
            own_B = cross_entropy(own_BC, labels_B)
            if self.config.confidence_penalty:
                own_B = own_B + self.config.confidence_penalty * negative_entropy(own_BC)
            losses.append(mean_of_selected(weighted(own_B, batch.weights), labelled_B))
        return self._output(losses, logits, [labelled_B] * 2, batch, progress)

    def _mixed_loss(
        self,
        network: Learner,
        number: int,
        batch: Batch,
        targets_BC: Tensor,
        labelled_B: Tensor,
        progress: Progress,
    ) -> Tensor:
        assert batch.second is not None
        count = len(batch)
        random = np.random.default_rng([progress.seed, progress.epoch, progress.step, number])
        share = random.beta(self.config.mixup_alpha, self.config.mixup_alpha)
        share, shift = float(max(share, 1 - share)), int(random.integers(1, 2 * count))

        def mixed(first: Tensor, second: Tensor) -> Tensor:
            both = torch.cat([first, second])
            other = both.roll(shift, 0)
            return other + share * (both - other)

        workers, own = progress.workers, (batch.images, batch.second)
        if workers is None:
            parts = mixed(*own).split(count)
        else:
            whole = mixed(*(workers.gather(images, count) for images in own))
            parts = tuple(images[workers.part(count)] for images in whole.split(count))
        logits_NC = torch.cat([network(images) for images in parts])
        targets_NC = mixed(targets_BC, targets_BC)
        weights_N = None if batch.weights is None else mixed(batch.weights, batch.weights)
        labelled_N = labelled_B.repeat(2)
        labelled = mean_of_selected(weighted(cross_entropy(logits_NC, targets_NC), weights_N), labelled_N)
        others = mean_of_selected(weighted(squared_error(logits_NC, targets_NC), weights_N), ~labelled_N)
        divergence = prior_divergence(logits_NC, self.prior_C.to(logits_NC.device))
        if weights_N is not None:
            divergence = divergence * weights_N.mean()
        weight = unlabelled_weight(
            progress.epoch,
            warmup_epochs=self.config.warmup_epochs,
            ramp_epochs=self.config.ramp_epochs,
            weight=self.config.unlabelled_weight,
        )
        return labelled + weight * others + divergence

    def _output(
        self,
        losses: Sequence[Tensor],
        logits: Sequence[Tensor],
        chosen: Sequence[Tensor],
        batch: Batch,
        progress: Progress,
    ) -> StepOutput:
        """Remember the losses of the given labels, and report."""
        labelled_B, labels_B = batch.labels != UNKNOWN, batch.labels.clamp(min=0)
        given = [cross_entropy(own_BC.detach(), labels_B) for own_BC in logits]
        known = [torch.where(labelled_B, own_B, NEVER) for own_B in given]
        progress.tables["losses"].write(batch.rows, torch.stack(known, dim=1))
        together_B = (logits[0].detach().softmax(1) + logits[1].detach().softmax(1)).argmax(1)
        return StepOutput(
            losses=tuple(losses),
            samples=sample_outcome(
                logits, batch.labels, [torch.where(labelled_B, own_B, 0) for own_B in given], chosen
            ),
            metrics={
                "loss": mean_loss(losses),
                "clean": torch.stack(list(chosen)).float().mean(),
                "agreement": (logits[0].argmax(1) == logits[1].argmax(1)).float().mean(),
                "accuracy": mean_of_selected((together_B == labels_B).float(), labelled_B),
            },
            counts={"accuracy": labelled_B.sum()},
        )
