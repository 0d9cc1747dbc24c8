"""The stages of a trial: what each brings, and where in the trial it lies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import nn
from torch.optim import Optimizer

from platform.datasets.data import Data
from platform.datasets.loader import Batch, EvalLoader, TrainLoader, batch_starts
from platform.methods import Method, build_method
from platform.models.layers import set_trainable
from platform.models.normalisation import Normalisation
from platform.training.optimiser import build_optimiser, carry_optimiser_state
from platform.training.prediction import eval_loader
from platform.training.recipe import StageConfig
from platform.training.schedules import Schedule, build_schedule
from platform.training.trial_config import TrialConfig


@dataclass(frozen=True)
class Stage:
    """What trains while one phase of the trial lasts."""

    place: int
    config: StageConfig
    train_loader: TrainLoader
    val_loader: EvalLoader
    method: Method
    optimisers: tuple[Optimizer, ...]
    schedules: tuple[Schedule, ...]
    first_step: int
    """The trial's step at which this stage's learning-rate schedule began."""

    def set_learning_rates(self, step: int) -> None:
        """Those of the trial's step ``step`` (from 0)."""
        for schedule in self.schedules:
            schedule.step_update(step - self.first_step)

    @property
    def learning_rate(self) -> float:
        """The latest, of the first network's parameters that learn fastest."""
        return max(float(group["lr"]) for group in self.optimisers[0].param_groups)

    def updates(self, epoch: int) -> Iterator[list[Batch]]:
        """The batches of an epoch, as many at a time as make one update."""
        together: list[Batch] = []
        for batch in self.train_loader.epoch(epoch):
            together.append(batch)
            if len(together) == self.config.grad_accum_steps:
                yield together
                together = []
        if together:
            yield together


@dataclass(frozen=True)
class StagePlan:
    """Where the stages of a trial lie, from its config and the number of training images alone."""

    config: TrialConfig
    images: int

    def at_epoch(self, epoch: int) -> int:
        """The place of the stage that does epoch ``epoch`` (from 0); after the last, the last."""
        ends = accumulate(phase.epochs for phase in self.config.phases)
        return next((place for place, end in enumerate(ends) if epoch < end), len(self.config.phases) - 1)

    def steps_an_epoch(self, phase: StageConfig) -> int:
        """Updates in an epoch."""
        return -(-len(batch_starts(self.images, phase.batch_size)) // phase.grad_accum_steps)

    def first_step(self, place: int) -> int:
        """Updates of the trial before the learning-rate schedule of the stage at ``place`` begins."""
        start, _ = self.config.schedule_span(place)
        return sum(phase.epochs * self.steps_an_epoch(phase) for phase in self.config.phases[:start])

    def schedule_epochs(self, place: int) -> int:
        """Epochs over which that schedule runs."""
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

    def make(self, place: int, before: Stage | None) -> Stage:
        """The stage at ``place``, which goes on with the optimisers of the one ``before`` if it says so."""
        trial = self.plan.config
        config = trial.phases[place]
        for network in self.networks:
            set_trainable(network, config.trainable)
        optimisers = tuple(
            build_optimiser(section, network)
            for section, network in zip(config.optims, self.networks, strict=True)
        )
        if before is not None and not config.restart:
            for old, new in zip(before.optimisers, optimisers, strict=True):
                carry_optimiser_state(old, new)
        return Stage(
            place=place,
            config=config,
            train_loader=self._train_loader(config),
            val_loader=eval_loader(
                self.data,
                "val",
                batch_size=config.batch_size,
                image_size=config.image_size,
                whole=config.augment.sees_whole,
                normalisation=self.normalisation,
                device=self.device,
            ),
            method=build_method(config.method, self.data.class_counts().to(self.device)),
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
        )

    def _train_loader(self, config: StageConfig) -> TrainLoader:
        return TrainLoader(
            self.data,
            batch_size=config.batch_size,
            image_size=config.image_size,
            augment=config.augment,
            seed=self.plan.config.seed,
            mean=self.normalisation.mean,
            std=self.normalisation.std,
            device=self.device,
        )
