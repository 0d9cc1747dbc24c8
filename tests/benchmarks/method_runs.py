"""Runs of every training method on the same data, each kept in a file of its own; parts of two benchmarks.

A case is a data set with a recipe; a method is a YAML of ``search_spaces``, of which the sections ``method``
and ``optim`` are taken. Each method is tuned with the same number of random samples of its own ranges, judged
by noisy validation labels, and the best sample is then trained with further seeds. A run that was kept is not
trained again, so that a killed benchmark goes on.

Shapes: N images of a split, C classes.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import optuna
import torch

from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace, load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.evaluation.prediction import eval_loader, network_probabilities
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.search.sampling import sample_of
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

from .method_cases import CASES, Case

SPACES = Path(__file__).parents[2] / "search_spaces"
OTHERS = ("cross_entropy", "peer", "supcon")
"""Spaces outside ``search_spaces/methods`` whose method learns classes."""
TUNING_STREAM = 1_000
"""Seed of a tuning run: this plus the number of the sample; those of the final runs count from 1."""


@dataclass(frozen=True)
class Budget:
    """``epochs``: of final and tuning runs, in place of the case's; None: the case's own."""

    samples: int = 4
    seeds: int = 3
    epochs: int | None = None


@dataclass(frozen=True)
class KeptRun:
    """A run by epoch, and its predictions in the epoch that is best on the given validation labels.

    ``epochs``: by metric, its value in each epoch. ``val_NC``, ``test_NC``: probabilities.
    """

    case: str
    method: str
    seed: int
    settings: Mapping[str, Any]
    seconds: float
    epochs: Mapping[str, npt.NDArray[np.float64]]
    val_NC: npt.NDArray[np.float32] = field(repr=False)
    test_NC: npt.NDArray[np.float32] = field(repr=False)

    @property
    def best_epoch(self) -> int:
        """Index of the best epoch, the first of equal ones."""
        return int(self.epochs["val/accuracy"].argmax())


KEPT_METRICS = ("val/accuracy", "val/clean_accuracy", "train/memorisation", "noise/memorisation", "test")


def method_spaces() -> dict[str, Path]:
    """The YAML of each method that learns classes."""
    own = {path.stem: path for path in sorted((SPACES / "methods").glob("*.yaml"))}
    return {**{name: SPACES / f"{name}.yaml" for name in OTHERS}, **own}


@cache
def case_data(name: str, folder: Path, max_images: int | None) -> Data:
    """The case's images, prepared once in each process."""
    case = CASES[name]
    section = dict(case.data) if max_images is None else {**case.data, "max_images": max_images}
    if case.file is not None:
        section["source"] = str(folder / case.file)
    return prepare(DataConfig.model_validate(section), case.image_size)


def samples(case: Case, method: str, epochs: int, count: int, folder: Path) -> list[TrialConfig]:
    """Random samples of a method's own ranges for this case; the same ones in every call."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    loaded = _loaded(case, method, epochs, folder)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))
    found: list[TrialConfig] = []
    while len(found) < count:
        try:
            found.append(sample_of(loaded, study.ask()).config)
        except ConfigError:
            if len(study.trials) > 100 * count:
                raise
    return found


def _loaded(case: Case, method: str, epochs: int, folder: Path) -> LoadedSpace[SweepConfig]:
    settings = [*case.settings(folder), f"epochs={epochs}", "search.scheduler={name: none}"]
    return load_space(method_spaces()[method], SweepConfig, overrides=settings, fixed=SWEEP_FIELDS)


def train(case: str, method: str, config: TrialConfig, folder: Path, max_images: int | None) -> KeptRun:
    """Train one run to its end, with one thread."""
    torch.set_num_threads(1)
    data = case_data(case, folder, max_images)
    trainer = Trainer(config, data, threads=1)
    by_epoch: dict[str, list[float]] = {name: [] for name in KEPT_METRICS}
    best, seconds = -1.0, 0.0
    predicted: dict[str, npt.NDArray[np.float32]] = {}
    for _ in range(config.epochs):
        began = time.perf_counter()
        metrics = trainer.train_epoch()
        seconds += time.perf_counter() - began
        test_NC = _predicted(trainer, data, "test")
        metrics["test"] = float((test_NC.argmax(1) == data.evaluation_labels("test")).mean())
        for name in KEPT_METRICS:
            by_epoch[name].append(metrics.get(name, float("nan")))
        if metrics["val/accuracy"] > best:
            best = metrics["val/accuracy"]
            predicted = {"val_NC": _predicted(trainer, data, "val"), "test_NC": test_NC}
    return KeptRun(
        case,
        method,
        config.seed,
        {"method": config.method.model_dump(mode="json"), "optim": config.optim.model_dump(mode="json")},
        seconds,
        {name: np.array(values) for name, values in by_epoch.items()},
        **predicted,
    )


def _predicted(trainer: Trainer, data: Data, split: Literal["val", "test"]) -> npt.NDArray[np.float32]:
    config = trainer.stage.config
    loader = eval_loader(
        data,
        split,
        batch_size=config.batch_size,
        image_size=config.image_size,
        whole=config.augment.sees_whole,
        normalisation=trainer.normalisation,
        device=trainer.device,
    )
    mean_NC: npt.NDArray[np.float32] = network_probabilities(
        trainer.evaluated_networks, loader, precision=trainer.precision, channels_last=False
    ).mean(0)
    return mean_NC


def write(run: KeptRun, file: Path) -> None:
    facts = {"case": run.case, "method": run.method, "seed": run.seed, "seconds": run.seconds}
    arrays: dict[str, Any] = {f"epochs:{name}": values for name, values in run.epochs.items()}
    arrays |= {"val_NC": run.val_NC.astype(np.float16), "test_NC": run.test_NC.astype(np.float16)}
    write_whole(file, npz({**arrays, "facts": np.array(json.dumps({**facts, "settings": run.settings}))}))


def read(file: Path) -> KeptRun | None:
    """A kept run; None if there is none, or it cannot be read."""
    kept = read_npz(file)
    if kept is None:
        return None
    epochs = {name.removeprefix("epochs:"): kept[name] for name in kept if name.startswith("epochs:")}
    val_NC, test_NC = (kept[name].astype(np.float32) for name in ("val_NC", "test_NC"))
    return KeptRun(**json.loads(str(kept["facts"])), epochs=epochs, val_NC=val_NC, test_NC=test_NC)


@dataclass(frozen=True)
class Recorder:
    """Trains what is not kept yet in ``out``, on all usable cores; ``folder`` holds the data's files."""

    folder: Path
    out: Path
    budget: Budget
    max_images: int | None = None

    def record(self, case: Case, methods: list[str]) -> Iterator[KeptRun]:
        """The final runs of each method, after its tuning runs, as they end."""
        final, tuning = (
            (self.budget.epochs, self.budget.epochs)
            if self.budget.epochs
            else (case.epochs, case.tuning_epochs)
        )
        with ProcessPoolExecutor(usable_cores()) as pool:
            tried = {
                method: [
                    pool.submit(self._kept, case, method, TUNING_STREAM + number, config, f"tuning-{number}")
                    for number, config in enumerate(
                        samples(case, method, tuning, self.budget.samples, self.folder)
                    )
                ]
                for method in methods
            }
            waiting = []
            for method, futures in tried.items():
                accuracies = [float(one.result().epochs["val/accuracy"].max()) for one in futures]
                number = int(np.argmax(accuracies))
                best = samples(case, method, final, number + 1, self.folder)[number]
                waiting += [
                    pool.submit(self._kept, case, method, seed, best, f"seed-{seed}")
                    for seed in range(1, self.budget.seeds + 1)
                ]
            for future in waiting:
                yield future.result()

    def _kept(self, case: Case, method: str, seed: int, config: TrialConfig, name: str) -> KeptRun:
        """A run with these settings on these data: the kept one, or a new one."""
        own = config.model_copy(update={"seed": seed})
        content = own.model_dump_json() + json.dumps([case.data, self.max_images], sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        file = self.out / case.name / method / f"{name}-{digest}.npz"
        if (kept := read(file)) is not None:
            return kept
        run = train(case.name, method, own, self.folder, self.max_images)
        write(run, file)
        return run
