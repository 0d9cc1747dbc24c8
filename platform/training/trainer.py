"""The one training loop."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from platform.datasets.data import Data
from platform.datasets.loader import Batch, TrainLoader
from platform.methods import StepOutput, build_method
from platform.models.normalisation import Normalisation
from platform.training.ema import Ema
from platform.training.errors import TrainingDiverged
from platform.training.evaluation import validation_metrics
from platform.training.networks import build_networks, place
from platform.training.optimiser import build_optimiser
from platform.training.precision import autocast, gradient_scaler
from platform.training.prediction import eval_loader, network_probabilities, to_layout
from platform.training.schedules import build_schedule
from platform.training.seeding import Purpose, seed_torch
from platform.training.trial_config import TrialConfig


class Trainer:
    """One trial: ``train_epoch`` until ``epoch`` reaches ``config.epochs``.

    It knows nothing of who calls it. What it does depends on ``config`` and ``data`` alone, so that a trial
    restored after any epoch ends with the weights of one that never stopped (bit for bit on CPU).
    """

    def __init__(
        self,
        config: TrialConfig,
        data: Data,
        *,
        device: str | torch.device = "cpu",
        threads: int | None = None,
    ) -> None:
        self.config = config
        self.data = data
        self.device = torch.device(device)
        self.threads = threads
        self.epoch = 0
        self.step = 0
        self.metrics: dict[str, float] = {}

        built = build_networks(config, len(data.classes), Normalisation(data.mean, data.std))
        self.blueprints = built.blueprints
        self.normalisation = built.normalisation
        self.networks = tuple(
            place(module, self.device, channels_last=config.channels_last) for module in built.modules
        )
        self.method = build_method(config.method, data.class_counts().to(self.device))
        self.train_loader = self._train_loader()
        self.val_loader = eval_loader(data, "val", config, self.normalisation, self.device)

        self.optimisers = tuple(build_optimiser(config.optim, network) for network in self.networks)
        self.schedules = tuple(self._schedule(optimiser) for optimiser in self.optimisers)
        self.scaler = gradient_scaler(config.precision, self.device)
        self.averages = tuple(Ema(config.ema, network) for network in self.networks) if config.ema else ()

    @property
    def evaluated_networks(self) -> tuple[nn.Module, ...]:
        """The networks that are evaluated and predict: the averaged ones where there are any."""
        return tuple(average.network for average in self.averages) or self.networks

    @property
    def learning_rate(self) -> float:
        """The learning rate of the latest step."""
        return float(self.optimisers[0].param_groups[0]["lr"])

    def train_epoch(self) -> dict[str, float]:
        """Train for one epoch and evaluate; the epoch's metrics.

        Raises :class:`TrainingDiverged` if a loss is not finite.
        """
        started = time.perf_counter()
        with _threads(self.threads):
            means = self._train()
            trained = time.perf_counter()
            metrics = {f"train/{name}": value for name, value in means.items()}
            metrics |= {"train/lr": self.learning_rate} | self.evaluate()
        self.epoch += 1
        metrics["time/epoch_s"] = time.perf_counter() - started
        metrics["time/images_per_s"] = len(self.data.rows("train")) / (trained - started)
        self.metrics = metrics
        return dict(metrics)

    def _train(self) -> dict[str, float]:
        """One pass over the training images; the method's metrics as means over the samples."""
        seed_torch(self.config.seed, Purpose.EPOCH, self.epoch)
        values: dict[str, list[Tensor]] = defaultdict(list)
        sizes: list[int] = []
        for batch in self.train_loader.epoch(self.epoch):
            output = self.train_step(batch)
            sizes.append(len(batch.labels))
            for name, value in output.metrics.items():
                values[name].append(value)
        weights = torch.tensor(sizes, dtype=torch.float64)
        return {
            name: ((torch.stack(each).cpu().double() * weights).sum() / weights.sum()).item()
            for name, each in values.items()
        }

    def train_step(self, batch: Batch) -> StepOutput:
        """One update of every network."""
        for network, optimiser, schedule in zip(self.networks, self.optimisers, self.schedules, strict=True):
            network.train()
            optimiser.zero_grad()
            schedule.step_update(self.step)

        output = self._forward(batch)
        total: Tensor = self.scaler.scale(torch.stack(output.losses).sum())
        total.backward()

        self._check_finite(output)
        for network, optimiser in zip(self.networks, self.optimisers, strict=True):
            self._update(network, optimiser)
        self.scaler.update()
        self.step += 1
        for network, average in zip(self.networks, self.averages, strict=False):
            average.update(network, self.step)
        return output

    def _forward(self, batch: Batch) -> StepOutput:
        images = to_layout(batch.images, channels_last=self.config.channels_last)
        with autocast(self.config.precision, self.device):
            return self.method.step(self.networks, Batch(images, batch.labels, batch.rows), self.epoch)

    def _check_finite(self, output: StepOutput) -> None:
        is_finite = torch.stack(output.losses).isfinite().tolist()
        for number, (loss, is_good) in enumerate(zip(output.losses, is_finite, strict=True), start=1):
            if not is_good:
                raise TrainingDiverged(
                    f"the loss of network {number} is {loss.item()} in epoch {self.epoch + 1}, "
                    f"step {self.step + 1}, at learning rate {self.learning_rate:.3g}"
                )

    def _update(self, network: nn.Module, optimiser: Optimizer) -> None:
        if self.config.optim.clip_norm is not None:
            self.scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(network.parameters(), self.config.optim.clip_norm)
        self.scaler.step(optimiser)

    def evaluate(self) -> dict[str, float]:
        """``val/…``: all networks in one pass over the validation split.

        Raises :class:`TrainingDiverged` if a network's weights are no longer of use.
        """
        probabilities_MNC = network_probabilities(
            self.evaluated_networks,
            self.val_loader,
            precision=self.config.precision,
            channels_last=self.config.channels_last,
        )
        for number, own_NC in enumerate(probabilities_MNC, start=1):
            if not np.isfinite(own_NC).all():
                raise TrainingDiverged(
                    f"network {number} predicts what is not a number after step {self.step}, "
                    f"at learning rate {self.learning_rate:.3g}"
                )
        return validation_metrics(probabilities_MNC, self.data)

    def state_dict(self) -> dict[str, Any]:
        """All that the rest of the trial depends on, besides config and data; after whole epochs only."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "metrics": dict(self.metrics),
            "networks": [network.state_dict() for network in self.networks],
            "averages": [average.network.state_dict() for average in self.averages],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another trainer of the same config and data was."""
        for network, own in zip(self.networks, state["networks"], strict=True):
            network.load_state_dict(own)
        for average, own in zip(self.averages, state["averages"], strict=True):
            average.network.load_state_dict(own)
        for optimiser, own in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(own)
        self.scaler.load_state_dict(state["scaler"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.metrics = dict(state["metrics"])

    def _train_loader(self) -> TrainLoader:
        config = self.config
        return TrainLoader(
            self.data,
            batch_size=config.batch_size,
            image_size=config.image_size,
            augment=config.augment,
            seed=config.seed,
            mean=self.normalisation.mean,
            std=self.normalisation.std,
            device=self.device,
        )

    def _schedule(self, optimiser: Optimizer) -> Any:
        return build_schedule(
            self.config.schedule,
            optimiser,
            epochs=self.config.epochs,
            steps_per_epoch=len(self.train_loader),
        )


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    """Let torch use this many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
