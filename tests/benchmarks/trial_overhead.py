"""A trial's cost besides training: ours, a plain Tune function, a Tune function around a TorchTrainer.

All three train the same model for one epoch on the same data, one trial at a time, from the same Trainer;
ours also writes checkpoints and MLflow. The cost of a trial is the slope of the wall time over the number
of trials, less the training itself, so that Ray's start is left out.

    python -m tests.benchmarks.trial_overhead
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import train, tune
from ray.train.torch import TorchTrainer

from platform.config.load import load_space
from platform.datasets.preparation.data import Data
from platform.datasets.images.decode import usable_cores
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.cluster.join import join, leave
from platform.tuning.run.plan import make_plan
from platform.tuning.cluster.library_logs import quiet_settings
from platform.tuning.run.sweep import run_sweep
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, ResourcesConfig, SweepConfig
from platform.tuning.folder.sweep_folder import new_folder

SPACE = f"""
epochs: 1
batch_size: 512
image_size: 8
model: {{backbone: test_resnet}}
method: {{name: cross_entropy}}
optim: {{lr: {{loguniform: [1.0e-4, 1.0e-2]}}}}
schedule: {{name: constant, warmup_epochs: 0}}
search: {{trials: 1, scheduler: {{name: none}}, sampler: {{name: random}}}}
resources: {{cpus_per_worker: {usable_cores()}, gpus_per_worker: 0.0}}
"""


def work(config: dict[str, Any], data: Data) -> float:
    started = time.perf_counter()
    Trainer(TrialConfig.model_validate_json(json.dumps(config)), data).train_epoch()
    return time.perf_counter() - started


def ours(trials: int, folder: Path) -> float:
    path = folder / "space.yaml"
    loaded = load_space(path, SweepConfig, overrides=[f"search.trials={trials}"], fixed=SWEEP_FIELDS)
    started = time.perf_counter()
    sweep = new_folder(folder, f"ours-{trials}", is_given=True)
    plan = make_plan(loaded, sweep.name)
    end = run_sweep(loaded, plan, sweep, address=None, say=lambda text: None)
    assert end.succeeded == trials, end
    wall = time.perf_counter() - started
    leave()
    return wall


@dataclass(frozen=True)
class Stock:
    """Tune as it comes, around a function that trains one trial."""

    function: Callable[..., None]
    cpus: int
    parameters: dict[str, Any]
    folder: Path

    def run(self, trials: int) -> float:
        join(None, ResourcesConfig(), trials)
        started = time.perf_counter()
        with_data = tune.with_parameters(self.function, **self.parameters)
        name = f"{self.function.__name__}-{trials}"
        tuner = tune.Tuner(
            tune.with_resources(with_data, {"cpu": self.cpus}),
            tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1),
            run_config=tune.RunConfig(name=name, storage_path=str(self.folder), verbose=0),
        )
        results = tuner.fit()
        assert not results.errors, results.errors
        wall = time.perf_counter() - started
        leave()
        return wall


def plain_function(config: dict[str, Any], trial: dict[str, Any], data: Data, folder: Path) -> None:
    work(trial, data)
    tune.report({"done_epochs": 1})


def torch_trainer(config: dict[str, Any], trial: dict[str, Any], data: Data, folder: Path) -> None:
    def loop(loop_config: dict[str, Any]) -> None:
        work(trial, data)
        train.report({"done_epochs": 1})

    trainer = TorchTrainer(
        loop,
        train_loop_config={},
        scaling_config=train.ScalingConfig(num_workers=1),
        run_config=train.RunConfig(
            storage_path=str(folder / "nested"), name=tune.get_context().get_trial_id()
        ),
    )
    trainer.fit()
    tune.report({"done_epochs": 1})


def slope(run: Callable[[int], float], few: int, many: int) -> float:
    return (run(many) - run(few)) / (many - few)


def main() -> None:
    quiet_settings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        path = folder / "space.yaml"
        path.write_text(SPACE)
        config = load_space(path, SweepConfig, fixed=SWEEP_FIELDS).first()
        data = prepare(config.data, config.image_size)
        trial = config.trial().model_dump(mode="json")
        training = statistics.median(work(trial, data) for _ in range(5))
        parameters = {"trial": trial, "data": data, "folder": folder}
        rows = {
            "ours (MLflow and checkpoints written)": slope(lambda trials: ours(trials, folder), 4, 24),
            "a plain Tune function": slope(Stock(plain_function, 1, parameters, folder).run, 1, 5),
            "a Tune function around a TorchTrainer": slope(
                Stock(torch_trainer, 1, parameters, folder).run, 1, 3
            ),
        }
    reference = rows["ours (MLflow and checkpoints written)"] - training
    print(f"training itself: {training:.2f} s a trial")
    print(f"{'':40} overhead   ratio to ours")
    for name, seconds in rows.items():
        print(f"{name:40} {seconds - training:6.2f} s   {(seconds - training) / reference:6.1f}")


if __name__ == "__main__":
    main()
