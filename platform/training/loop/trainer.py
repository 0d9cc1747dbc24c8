"""The training loop: one trial, epoch by epoch."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from platform.datasets.batches.loader import Batch, TrainLoader
from platform.datasets.preparation.data import Data
from platform.methods import Progress, StepOutput
from platform.models.input_size import set_image_size
from platform.models.layers import keep_frozen_still
from platform.models.normalisation import Normalisation
from platform.training.checkpoints.networks import build_networks, place
from platform.training.loop.epoch_means import EpochMeans
from platform.training.loop.finite import FiniteWatch
from platform.training.loop.learner import learners, parameters_of
from platform.training.loop.method_tables import MethodTables
from platform.training.loop.preparation import Preparation, random_images
from platform.training.loop.sample_ledger import SampleLedger, refuse_collapse
from platform.training.loop.stages import StageMaker, StagePlan
from platform.training.loop.teacher import Teacher, load_teacher
from platform.training.loop.threads import torch_threads
from platform.training.loop.update import update_weights
from platform.training.loop.validation import Validator
from platform.training.loop.workers import ALONE, Workers
from platform.training.optimisation.compiling import compile_network
from platform.training.optimisation.ema import Ema
from platform.training.optimisation.memory_layout import is_channels_last
from platform.training.optimisation.precision import Precision, gradient_scaler, settle, tensor_float32
from platform.training.seeding import Purpose, seed_torch
from platform.training.trial.trial_config import TrialConfig


class Trainer:
    """One trial: ``train_epoch`` until ``epoch`` reaches ``config.total_epochs``.

    The caller makes no difference: the result depends on ``config`` and ``data`` alone, and a trial restored
    after any epoch ends with the weights of an uninterrupted one (bit for bit on a CPU).
    """

    def __init__(
        self,
        config: TrialConfig,
        data: Data,
        *,
        device: str | torch.device = "cpu",
        threads: int | None = None,
        workers: Workers = ALONE,
        scratch: Path | None = None,
    ) -> None:
        """``scratch``: the folder for large tables of the method; None: the system's for temporary files."""
        self.config, self.data = config, data
        self.device = torch.device(device)
        self.threads = threads
        self.workers = workers
        self.epoch, self.step = 0, 0
        self.history: list[dict[str, float]] = []

        built = build_networks(config, len(data.classes), Normalisation(data.mean, data.std))
        self.blueprints = built.blueprints
        self.normalisation = built.normalisation
        self.channels_last = is_channels_last(config.channels_last, built.modules, self.device)
        self.networks = tuple(
            place(workers.synchronised(module, self.device), self.device, channels_last=self.channels_last)
            for module in built.modules
        )
        self.averages = tuple(Ema(config.ema, network) for network in self.networks) if config.ema else ()
        if config.compile:
            for network in self.networks:
                compile_network(network, self.device)
        self.ledger = SampleLedger(data, len(self.networks), self.device)
        self._watch = FiniteWatch(self.device)
        self.teacher: Teacher | None = None
        if config.teacher:
            self.teacher = load_teacher(config.teacher, data.classes, self.normalisation, self.device)
        self._prepare = Preparation(config.seed, len(data.classes), self.channels_last, workers, self.teacher)
        self._plan = StagePlan(config, len(data.rows("train")))
        dims = self.teacher.dims if self.teacher else None
        self._maker = StageMaker(
            self._plan, data, self.networks, self.normalisation, self.device, workers, dims, threads
        )
        self.stage = self._maker.make(0, before=None)
        self.tables = MethodTables(data, config.seed, self.device, scratch)
        self.tables.enter(self.stage)
        self._precision: Precision | None = None
        self.scaler = gradient_scaler("fp32", self.device)
        if config.precision != "auto" and config.precision != "measured":
            self.use_precision(config.precision)

    @property
    def evaluated_networks(self) -> tuple[nn.Module, ...]:
        """The networks that are ranked and predict: averaged or raw, as ``ema.ranked`` says."""
        averaged = tuple(average.network for average in self.averages)
        return averaged if self.config.ema and self.config.ema.ranked == "ema" else self.networks

    @property
    def train_loader(self) -> TrainLoader:
        """The training loader of the current stage, for the first augmentation."""
        return self.stage.train_loaders[0]

    @property
    def updates_an_epoch(self) -> int:
        """The number of updates in an epoch of the current stage."""
        return self._plan.steps_an_epoch(self.stage.config)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the latest step."""
        return self.stage.learning_rate

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the last epoch (``history`` has all); empty before the first."""
        return self.history[-1] if self.history else {}

    @property
    def progress(self) -> Progress:
        """What the method is told of the trial."""
        tables, workers = self.tables.by_name, self.workers if self.workers.size > 1 else None
        return Progress(self.epoch, self.metrics, tables, seed=self.config.seed, workers=workers)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.config.total_epochs

    @property
    def precision(self) -> Precision:
        """The number format; the setting is resolved at the first call."""
        if self._precision is None:
            example = partial(random_images, self.stage.config, self.device, channels_last=self.channels_last)
            settled = settle(self.config.precision, self.networks, self.device, example)
            self.use_precision(self.workers.agree(settled))
        assert self._precision is not None
        return self._precision

    def use_precision(self, precision: Precision) -> None:
        """Use this precision: what ``auto`` or ``measured`` was in an earlier trainer of the trial."""
        self._precision = precision
        self.scaler = gradient_scaler(precision, self.device)

    def use_layout(self, *, channels_last: bool) -> None:
        """Use this memory layout: what ``auto`` was in an earlier trainer of the trial."""
        self.channels_last = channels_last
        for network in (*self.networks, *(average.network for average in self.averages)):
            place(network, self.device, channels_last=channels_last)
        self._prepare = replace(self._prepare, channels_last=channels_last)

    def train_epoch(self) -> dict[str, float]:
        """Train one epoch, evaluate, and return the epoch's metrics.

        Raises :class:`TrainingDiverged` if a loss or gradient is not finite, or the networks have collapsed.
        """
        with torch_threads(self.threads):
            self.enter_stage(self._plan.at_epoch(self.epoch))
            started = time.perf_counter()
            means = self._train()
            trained = time.perf_counter()
            metrics = {f"train/{name}": value for name, value in means.items()}
            metrics |= {"train/lr": self.learning_rate} | self.ledger.end_epoch() | self.evaluate()
        if self.config.min_prediction_entropy is not None:
            refuse_collapse([*self.history, metrics], self.config.min_prediction_entropy)
        if self.config.stages:
            metrics["train/stage"] = self.stage.place + 1
        self.epoch += 1
        metrics["time/epoch_s"] = time.perf_counter() - started
        metrics["time/images_per_s"] = len(self.data.rows("train")) / (trained - started)
        self.history.append(metrics)
        return dict(metrics)

    def enter_stage(self, place: int) -> None:
        """Enter the stage ``place``: set image size, trainable parameters, optimisers and data."""
        if place == self.stage.place:
            return
        config = self.config.phases[place]
        if config.image_size != self.stage.config.image_size:
            averaged = [average.network for average in self.averages]
            for network, blueprint in zip([*self.networks, *averaged], self.blueprints * 2, strict=False):
                set_image_size(network, blueprint.section, config.image_size)
        before = self.stage if self.stage.place == place - 1 else None
        self.stage = self._maker.make(place, before=before)
        self.tables.enter(self.stage)

    def _train(self) -> dict[str, float]:
        """Train on all images once; return the method's metrics as means over the samples."""
        seed_torch(self.config.seed, Purpose.EPOCH, self.epoch, self.workers.rank)
        for network in self.networks:
            network.train()
            keep_frozen_still(network)
        self.stage.method.epoch_started(self.progress)
        means, done = EpochMeans(), 0
        for batches in self.stage.updates(self.epoch):
            outputs = self.train_step(batches, first=done)
            done += len(batches)
            for batch, output in zip(batches, outputs, strict=True):
                means.add(output, len(batch))
        self.workers.average_buffers((*self.networks, *(average.network for average in self.averages)))
        return means.means() | self._watch.end_epoch()

    def train_step(self, batches: Sequence[Batch], *, first: int = 0) -> list[StepOutput]:
        """Update every network by the mean loss over all samples of ``batches``.

        The networks must be in training mode. ``first`` is the place of the first batch in its epoch.
        """
        stage = self.stage
        stage.set_learning_rates(self.step)
        for optimiser in stage.optimisers:
            optimiser.zero_grad()

        samples = sum(len(batch) for batch in batches)
        with tensor_float32(self.device):
            outputs = [
                self._backward(batch, first + place, share=len(batch) / samples)
                for place, batch in enumerate(batches)
            ]
        learnt = [parameters_of(*pair) for pair in zip(self.networks, stage.companions, strict=True)]
        self.workers.sum_gradients(chain.from_iterable(learnt))
        place = f"epoch {self.epoch + 1}, step {self.step + 1}, at learning rate {self.learning_rate:.3g}"
        update_weights(stage, learnt, self.scaler, self._watch, place)
        self.step += 1
        for network, average in zip(self.networks, self.averages, strict=False):
            average.update(network, self.step - stage.averaged_from)
        return outputs

    def _backward(self, batch: Batch, place_in_epoch: int, *, share: float) -> StepOutput:
        """Run forward, and backward of the losses times ``share``, the batch's share of the update."""
        batch = self._prepare.prepared(
            batch, self.stage.config, self.precision, epoch=self.epoch, step=place_in_epoch
        )
        networks = learners(self.networks, self.stage.companions, self.workers, len(batch), self.precision)
        output = self.stage.method.step(networks, batch, replace(self.progress, step=place_in_epoch))
        self._watch.add_losses(output.losses)
        total: Tensor = self.scaler.scale(torch.stack(output.losses).sum() * share)
        total.backward()
        self.tables.learn(output.learnt, self.scaler)
        self.ledger.record(batch.rows, output.samples)
        return output

    def evaluate(self) -> dict[str, float]:
        """Compute ``val/…`` of all networks, raw and averaged, in one pass over the validation split.

        Raises :class:`TrainingDiverged` if a network's weights are no longer of use.
        """
        ranked = self.evaluated_networks
        averaged = tuple(average.network for average in self.averages)
        others = averaged if ranked is self.networks else self.networks if averaged else ()
        loader, retrieval = self.stage.val_loader, self.config.retrieval
        validator = Validator(self.data, loader, self.workers, retrieval, self.precision, self.channels_last)
        others_name = "ema" if ranked is self.networks else "raw"
        place = f"after step {self.step}, at learning rate {self.learning_rate:.3g}"
        return validator.metrics(ranked, others, others_name, place)

    def state_dict(self) -> dict[str, Any]:
        """The state from which the trial continues, besides config and data; call it between epochs."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "history": [dict(metrics) for metrics in self.history],
            "precision": self._precision,
            "channels_last": self.channels_last,
            "networks": [network.state_dict() for network in self.networks],
            "averages": [average.network.state_dict() for average in self.averages],
            "optimisers": [optimiser.state_dict() for optimiser in self.stage.optimisers],
            "companions": [each.state_dict() if each else {} for each in self.stage.companions],
            "scaler": self.scaler.state_dict(),
            "ledger": self.ledger.state_dict(),
            "tables": self.tables.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of another trainer of the same config and data."""
        self.enter_stage_after(state["epoch"])
        self.use_layout(channels_last=state["channels_last"])  # that of the optimisers' momenta
        for network, own in zip(self.networks, state["networks"], strict=True):
            network.load_state_dict(own)
        for average, own in zip(self.averages, state["averages"], strict=True):
            average.network.load_state_dict(own)
        for optimiser, own in zip(self.stage.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(own)
        for companion, own in zip(self.stage.companions, state["companions"], strict=True):
            if companion is not None:
                companion.load_state_dict(own)
        if state["precision"] is not None:
            self.use_precision(state["precision"])
        self.scaler.load_state_dict(state["scaler"])
        self.ledger.load_state_dict(state["ledger"])
        self.tables.load_state_dict(state["tables"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.history = [dict(metrics) for metrics in state["history"]]

    def enter_stage_after(self, epochs: int) -> None:
        """Enter the stage of the last of these epochs."""
        self.enter_stage(self._plan.at_epoch(max(epochs - 1, 0)))
