"""Prepare a batch for the method: mix images, set the memory layout, add the teacher's outputs."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from platform.datasets.augmentation.mixing import mix
from platform.datasets.batches.feed import Batch
from platform.training.evaluation.prediction import to_layout
from platform.training.loop.learner import NetworkLearner
from platform.training.loop.teacher import Teacher
from platform.training.loop.workers import Workers
from platform.training.optimisation.precision import Precision
from platform.training.trial.recipe import StageConfig


@dataclass(frozen=True)
class Preparation:
    """Prepares the batches of one trial with ``classes`` classes."""

    seed: int
    classes: int
    channels_last: bool
    workers: Workers
    teacher: Teacher | None

    def prepared(
        self, batch: Batch, stage: StageConfig, precision: Precision, *, epoch: int, step: int
    ) -> Batch:
        """Prepare a batch; ``step`` is its place in its ``epoch``."""
        images, targets, weights = batch.images, None, batch.weights
        mixing = stage.augment.mixing
        if mixing is not None:
            images, targets, weights = mix(
                self.workers.gather(images, len(batch)),  # each picture is mixed with another of the batch
                batch.labels,
                mixing,
                self.classes,
                seed=self.seed,
                epoch=epoch,
                step=step,
                weights_B=batch.weights,
            )
            images = images[self.workers.part(len(batch))]
        images = self._laid_out(images)
        return replace(
            batch,
            images=images,
            second=None if batch.second is None else self._laid_out(batch.second),
            targets=targets,
            weights=weights,
            taught=self._taught(images, len(batch), precision) if stage.method.takes_teacher else None,
        )

    def _taught(self, images: Tensor, samples: int, precision: Precision) -> tuple[Tensor, ...] | None:
        if self.teacher is None:
            return None
        learner = NetworkLearner(self.teacher, None, self.workers, samples, precision)
        taught: tuple[Tensor, ...] = learner(images)
        return taught

    def _laid_out(self, images: Tensor) -> Tensor:
        return to_layout(images, channels_last=self.channels_last)


def random_images(stage: StageConfig, device: torch.device, *, channels_last: bool) -> Tensor:
    """Random images [B, 3, H, W] of the form of a batch's."""
    shape = (stage.batch_size, 3, *stage.image_size)
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    return to_layout(images.to(device), channels_last=channels_last)
