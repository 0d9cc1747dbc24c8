"""The stages of a trial: their epochs and updates, and the objects that each one trains with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from torch import nn
from torch.optim import Optimizer

from platform.datasets.batches.loader import Batch, EvalLoader, Part, TrainLoader, batch_starts
from platform.datasets.batches.sampling import Sampler
from platform.datasets.preparation.data import Data
from platform.methods import TrainingMethod, build_method
from platform.models.layers import set_trainable
from platform.models.normalisation import Normalisation
from platform.training.errors import TrialError
from platform.training.evaluation.prediction import eval_loader
from platform.training.loop.workers import Workers
from platform.training.optimisation.optimiser import build_optimiser, carry_optimiser_state
from platform.training.optimisation.schedules import Schedule, build_schedule
from platform.training.seeding import Purpose, seed_torch
from platform.training.trial.recipe import StageConfig
from platform.training.trial.trial_config import TrialConfig
from platform.training.trial.unlabelled import refuse_unlabelled


@dataclass(frozen=True)
class Stage:
    """The optimisers, schedules and data of one stage."""

    place: int
    config: StageConfig
    train_loaders: tuple[TrainLoader, ...]
    """One for each augmentation of an image that the method learns from."""
    val_loader: EvalLoader
    method: TrainingMethod
    companions: tuple[nn.Module | None, ...]
    optimisers: tuple[Optimizer, ...]
    schedules: tuple[Schedule, ...]
    first_step: int
    """The trial's step at which this stage's learning-rate schedule began."""
    averaged_from: int
    """The trial's step at which its moving averages began to warm up."""

    def set_learning_rates(self, step: int) -> None:
        """Set the learning rates of the trial's step ``step`` (from 0)."""
        for schedule in self.schedules:
            schedule.step_update(step - self.first_step)

    @property
    def learning_rate(self) -> float:
        """The latest learning rate: the highest of the first network's parameter groups."""
        return max(float(group["lr"]) for group in self.optimisers[0].param_groups)

    def updates(self, epoch: int) -> Iterator[list[Batch]]:
        """The batches of an epoch, grouped by update."""
        together: list[Batch] = []
        for augmentations in zip(*(loader.epoch(epoch) for loader in self.train_loaders), strict=True):
            first, *others = augmentations
            together.append(replace(first, second=others[0].images) if others else first)
            if len(together) == self.config.grad_accum_steps:
                yield together
                together = []
        if together:
            yield together


@dataclass(frozen=True)
class StagePlan:
    """The epochs and updates of each stage, computed from config and number of training images alone."""

    config: TrialConfig
    images: int

    def at_epoch(self, epoch: int) -> int:
        """Index of the stage that trains epoch ``epoch`` (from 0); the last stage after the end."""
        ends = accumulate(phase.epochs for phase in self.config.phases)
        return next((place for place, end in enumerate(ends) if epoch < end), len(self.config.phases) - 1)

    def steps_an_epoch(self, phase: StageConfig) -> int:
        """Number of updates per epoch."""
        return -(-len(batch_starts(self.images, phase.batch_size)) // phase.grad_accum_steps)

    def first_step(self, place: int) -> int:
        """Number of updates before the learning-rate schedule of the stage ``place`` begins."""
        start, _ = self.config.schedule_span(place)
        return self._steps_before(start)

    def averaged_from(self, place: int) -> int:
        """Number of updates before the first with the image size of the stage ``place``.

        The moving average starts again with a new image size: it would mix in batch-norm statistics and
        weights of the old size, and stay behind the raw weights.
        """
        phases = self.config.phases
        while place and phases[place - 1].image_size == phases[place].image_size:
            place -= 1
        return self._steps_before(place)

    def _steps_before(self, place: int) -> int:
        return sum(phase.epochs * self.steps_an_epoch(phase) for phase in self.config.phases[:place])

    def schedule_epochs(self, place: int) -> int:
        """Number of epochs of that schedule."""
        start, end = self.config.schedule_span(place)
        return sum(phase.epochs for phase in self.config.phases[start:end])


@dataclass(frozen=True)
class StageMaker:
    """Builds stages for the networks of one trial."""

    plan: StagePlan
    data: Data
    networks: Sequence[nn.Module]
    normalisation: Normalisation
    device: torch.device
    workers: Workers
    teacher_dims: tuple[int, ...] | None
    threads: int | None = None
    """Threads that load images; None: as many as torch computes with."""

    def __post_init__(self) -> None:
        refuse_unlabelled(self.plan.config, self.data.unlabelled)

    def make(self, place: int, before: Stage | None) -> Stage:
        """Make the stage ``place``; it continues with the optimisers of ``before`` if its config says so."""
        trial = self.plan.config
        config = trial.phases[place]
        for network in self.networks:
            set_trainable(network, config.trainable)
        counts = self.data.class_counts().to(self.device)
        method = build_method(
            config.method, counts, teacher_dims=self.teacher_dims, cosine_scale=trial.model.cosine_scale
        )
        companions = tuple(self._companion(method, number) for number in range(len(self.networks)))
        optimisers = tuple(
            build_optimiser(section, network, companion)
            for section, network, companion in zip(config.optims, self.networks, companions, strict=True)
        )
        if before is not None and not config.restart:
            for old, new in zip(before.optimisers, optimisers, strict=True):
                carry_optimiser_state(old, new)
        return Stage(
            place=place,
            config=config,
            train_loaders=tuple(
                self._train_loader(config, place, number) for number in range(config.method.augmentations)
            ),
            val_loader=eval_loader(
                self.data,
                "val",
                batch_size=config.batch_size,
                image_size=config.image_size,
                whole=config.augment.sees_whole,
                normalisation=self.normalisation,
                device=self.device,
                threads=self.threads,
                part=self._part,
            ),
            method=method,
            companions=companions,
            optimisers=optimisers,
            schedules=tuple(
                build_schedule(
                    config.schedule,
                    optimiser,
                    epochs=self.plan.schedule_epochs(place),
                    steps_per_epoch=self.plan.steps_an_epoch(config),
                )
                for optimiser in optimisers
            ),
            first_step=self.plan.first_step(place),
            averaged_from=self.plan.averaged_from(place),
        )

    @property
    def _part(self) -> Part | None:
        return None if self.workers.size == 1 else self.workers.part

    def _companion(self, method: TrainingMethod, number: int) -> nn.Module | None:
        network = self.networks[number]
        with torch.random.fork_rng(devices=[]):
            seed_torch(self.plan.config.seed, Purpose.COMPANION, number)
            companion = method.companion(network)
        if companion is None:
            return None
        if self.plan.config.compile:
            raise TrialError("compile: must be false: the method runs the network in parts, uncompiled")
        return companion.to(self.device)

    def _train_loader(self, config: StageConfig, place: int, augmentation: int) -> TrainLoader:
        before = sum(phase.epochs for phase in self.plan.config.phases[:place])
        return TrainLoader(
            self.data,
            batch_size=config.batch_size,
            image_size=config.image_size,
            augment=(config.second_augment or config.augment) if augmentation else config.augment,
            seed=self.plan.config.seed,
            mean=self.normalisation.mean,
            std=self.normalisation.std,
            device=self.device,
            threads=self.threads,
            augmentation=augmentation,
            part=self._part,
            sampler=Sampler(config.sampler, first_epoch=before, epochs=config.epochs),
        )
