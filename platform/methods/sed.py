"""SED (Sheng et al., ECCV 2024): one network; labels are believed by thresholds that adapt to each class.

Foster Adaptivity and Balance in Learning with Noisy Labels, arXiv 2407.02778. The predictions of a moving
average of the network replace the labels, with weights; images without a label take part in that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from platform.datasets.batches.loader import Batch
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.losses.class_thresholds import (
    believed,
    confidence_weights,
    next_confidences,
    next_threshold,
)
from platform.losses.cross_entropy import cross_entropy
from platform.losses.negative_entropy import negative_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.methods._outcome import sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.methods._tables import TableSpec
from platform.methods._teacher import MeanTeacher

NEVER = -1.0
"""The probability and confidence of an image that no epoch has seen."""


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    augmentations: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """Labels are believed or not; a mixed image has two."""
    takes_unlabelled: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {
        "warmup_epochs": 10,
        "confidence_penalty": 1.0,
        "relabelling_weight": 0.5,
        "selection_momentum": 0.999,
        "weight_momentum": 0.99,
        "teacher_decay": 0.95,
        "label_smoothing": 0.3,
        "prior": "uniform",
    }
    """The authors' for WebFG-496, of 110 epochs."""

    warmup_epochs: int = Field(
        3,
        ge=0,
        description="first epochs, in which all labels are learnt, with a confidence penalty",
        examples=[3, {"int": [1, 10]}],
    )
    confidence_penalty: float = Field(
        0.0,
        ge=0,
        description="weight of the negative entropy of the predictions in the warm-up: above 0, the network "
        "is less sure of its labels (published: 1)",
        examples=[1.0],
    )
    relabelling_weight: float = Field(
        0.5,
        ge=0,
        description="weight of the loss of the teacher's predictions, against that of the believed labels",
        examples=[0.5, {"uniform": [0.1, 2.0]}],
    )
    selection_momentum: float = Field(
        0.7,
        ge=0,
        lt=1,
        description="how much the thresholds keep of themselves in each epoch. They begin at 1 / classes: "
        "with the published 0.999, nearly every label is believed for hundreds of epochs",
        examples=[{"uniform": [0.3, 0.99]}],
    )
    weight_momentum: float = Field(
        0.7,
        ge=0,
        lt=1,
        description="the same for the mean and variance of the confidence, which give the weights",
    )
    teacher_decay: float = Field(
        0.95,
        ge=0,
        lt=1,
        description="how much the teacher, a moving average of the weights, keeps of itself in each step",
        examples=[{"choice": [0.9, 0.99, 0.999]}],
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread over all classes, in each cross-entropy",
        examples=[0.3, {"uniform": [0, 0.3]}],
    )
    prior: Literal["class_counts", "uniform"] = Field(
        "class_counts",
        description="what a class's mean prediction is measured against: its share of the given labels, or "
        "as published all alike, by which nearly all labels of rare classes are believed",
    )


class Method(TrainingMethod):
    """Mean of CE over the believed labels + relabelling_weight · mean of w · CE(second augmentation, k).

    All are times the sample's weight. k is the class that the teacher predicts for the first augmentation,
    w its weight (:func:`confidence_weights`); the second mean is over all images. In the warm-up every label
    is believed, CE is plus confidence_penalty · negative entropy, and there is no second term.

    The authors look at all images once more at the start of each epoch; here the predictions of the last
    epoch's steps are used, which cost nothing, are of augmented images and older by up to an epoch.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "loss_relabelled": "weighted cross-entropy of the teacher's predictions, before its weight",
        "believed": "share of the labelled images whose label is believed",
        "relabelling_weight": "mean weight of the teacher's predictions, from 0 to 1",
        "accuracy": "share of the labelled training images, as they were augmented, whose given label is "
        "predicted",
    }

    def companion(self, network: nn.Module) -> nn.Module:
        return MeanTeacher(network, self.config.teacher_decay)

    def tables(self) -> tuple[TableSpec, ...]:
        """What the last epoch predicted of each image, and the running statistics of the classes."""
        classes = len(self.class_counts)
        return (
            TableSpec("predictions", 4, initial=NEVER),  # p_y, the teacher's max p and class, the label
            TableSpec("believed", 1, dtype=torch.bool, initial=1.0),
            TableSpec("summed_predictions", classes, rows=1),
            TableSpec("threshold", 1, rows=1, initial=1 / classes),
            TableSpec("class_means", classes, rows=1, initial=1 / classes),
            TableSpec("confidence_means", classes, rows=1, initial=1 / classes),
            TableSpec("confidence_variances", classes, rows=1, initial=1.0),
        )

    def epoch_started(self, progress: Progress) -> None:
        tables = {name: table.values_NK for name, table in progress.tables.items()}
        own_N, confidence_N, predicted_N, labels_N = tables["predictions"].unbind(1)
        seen_N, labelled_N = confidence_N != NEVER, labels_N != UNKNOWN
        if not (seen_N & labelled_N).any():
            return
        means_C = tables["summed_predictions"][0] / seen_N.sum()
        tables["summed_predictions"].zero_()
        confidences = next_confidences(
            confidence_N[seen_N],
            predicted_N[seen_N].long(),
            tables["confidence_means"][0],
            tables["confidence_variances"][0],
            momentum=self.config.weight_momentum,
        )
        for name, values_C in zip(("confidence_means", "confidence_variances"), confidences, strict=True):
            tables[name].copy_(values_C)
        momentum = self.config.selection_momentum
        tables["class_means"].mul_(momentum).add_((1 - momentum) * means_C)
        labels_N = labels_N.long().clamp(min=0)
        threshold = next_threshold(tables["threshold"][0, 0], own_N[labelled_N], momentum=momentum)
        tables["threshold"].fill_(threshold)
        relative_C = self._relative(tables["class_means"][0])
        is_believed_N = believed(own_N, labels_N, threshold, relative_C) | ~labelled_N
        tables["believed"].copy_(is_believed_N[:, None])

    def _relative(self, means_C: Tensor) -> Tensor:
        """The mean predictions, against the classes' shares of the labels; 0 for a class without labels."""
        if self.config.prior == "uniform":
            return means_C
        return torch.where(self.class_counts > 0, means_C / self.class_counts.clamp(min=1), 0)

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.second is not None, "the teacher sees one augmentation, the network learns the other"
        logits_BC, strong_BC, taught_BC = networks[0](batch.images, batch.second)
        labelled_B, labels_B = batch.labels != UNKNOWN, batch.labels.clamp(min=0)
        self._remember(logits_BC.detach().softmax(1), taught_BC.softmax(1), batch, progress)
        is_warm_up = progress.epoch < self.config.warmup_epochs
        believed_B = labelled_B
        if not is_warm_up:
            believed_B = labelled_B & progress.tables["believed"].read(batch.rows).squeeze(1)
        losses_B = cross_entropy(logits_BC, labels_B, label_smoothing=self.config.label_smoothing)
        if is_warm_up:
            losses_B = losses_B + self.config.confidence_penalty * negative_entropy(logits_BC)
        weights_B, relabelled_B = self._relabelled(strong_BC, taught_BC, progress)
        relabelled = weighted(relabelled_B, batch.weights).mean()
        loss = mean_of_selected(weighted(losses_B, batch.weights), believed_B)
        if not is_warm_up:
            loss = loss + self.config.relabelling_weight * relabelled
        given_B = torch.where(labelled_B, cross_entropy(logits_BC.detach(), labels_B), 0)
        right_B = (logits_BC.detach().argmax(1) == labels_B).float()
        labelled = labelled_B.sum()
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B], [believed_B]),
            metrics={
                "loss": loss.detach(),
                "loss_relabelled": relabelled.detach(),
                "believed": mean_of_selected(believed_B.float(), labelled_B),
                "relabelling_weight": weights_B.mean(),
                "accuracy": mean_of_selected(right_B, labelled_B),
            },
            counts={"believed": labelled, "accuracy": labelled},
        )

    def _remember(
        self, probabilities_BC: Tensor, taught_BC: Tensor, batch: Batch, progress: Progress
    ) -> None:
        """The network's probabilities choose the labels, the teacher's the weights of its classes."""
        confidence_B, predicted_B = taught_BC.max(1)
        own_B = probabilities_BC.gather(1, batch.labels.clamp(min=0)[:, None]).squeeze(1)
        found = (own_B, confidence_B, predicted_B.float(), batch.labels.float())
        progress.tables["predictions"].write(batch.rows, torch.stack(found, dim=1))
        progress.tables["summed_predictions"].values_NK.add_(probabilities_BC.sum(0))

    def _relabelled(self, strong_BC: Tensor, taught_BC: Tensor, progress: Progress) -> tuple[Tensor, Tensor]:
        """Weights [B] of the teacher's classes, and the weighted losses [B]."""
        confidence_B, predicted_B = taught_BC.detach().softmax(1).max(1)
        statistics = [progress.tables[f"confidence_{name}"].values_NK[0] for name in ("means", "variances")]
        weights_B = confidence_weights(confidence_B, predicted_B, *statistics)
        losses_B = cross_entropy(strong_BC, predicted_B, label_smoothing=self.config.label_smoothing)
        return weights_B, weights_B * losses_B
