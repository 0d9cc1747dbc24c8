"""What a trial costs besides its training: ours, a plain Tune function, a Tune function around a TorchTrainer.

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
from pathlib import Path
from typing import Any

import ray
from ray import train, tune
from ray.train.torch import TorchTrainer

from platform.config.load import LoadedSpace, load_space
from platform.datasets.data import Data
from platform.datasets.prepare import prepare
from platform.training.trainer import Trainer
from platform.training.trial_config import TrialConfig
from platform.tuning.cluster import join
from platform.tuning.cores import cores
from platform.tuning.quiet import quiet_settings
from platform.tuning.sweep import run_sweep
from platform.tuning.sweep_config import SWEEP_FIELDS, ResourcesConfig, SweepConfig
from platform.tuning.sweep_folder import SweepFolder

SPACE = f"""
epochs: 1
batch_size: 512
image_size: 8
model: {{backbone: test_resnet}}
method: {{name: cross_entropy}}
optim: {{lr: {{loguniform: [1.0e-4, 1.0e-2]}}}}
schedule: {{name: constant, warmup_epochs: 0}}
search: {{trials: 1, scheduler: {{name: none}}, sampler: {{name: random}}}}
resources: {{cpus: {cores()}, gpus: 0.0}}
"""


def work(config: dict[str, Any], data: Data) -> float:
    started = time.perf_counter()
    Trainer(TrialConfig.model_validate_json(json.dumps(config)), data).train_epoch()
    return time.perf_counter() - started


def ours(trials: int, loaded: LoadedSpace[SweepConfig], folder: Path) -> float:
    path = folder / "space.yaml"
    path.write_text(SPACE)
    loaded = load_space(path, SweepConfig, overrides=[f"search.trials={trials}"], fixed=SWEEP_FIELDS)
    started = time.perf_counter()
    end = run_sweep(loaded, SweepFolder(folder / f"ours-{trials}"), address=None, say=lambda text: None)
    assert end.succeeded == trials, end
    return time.perf_counter() - started


def stock(trials: int, function: Callable[..., None], folder: Path, resources: Any) -> float:
    join(None, ResourcesConfig(), trials)
    started = time.perf_counter()
    tuner = tune.Tuner(
        tune.with_resources(function, resources),
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1),
        run_config=tune.RunConfig(name=f"stock-{trials}", storage_path=str(folder), verbose=0),
    )
    results = tuner.fit()
    assert not results.errors, results.errors
    wall = time.perf_counter() - started
    ray.shutdown()
    return wall


def plain_function(config: dict[str, Any], trial: dict[str, Any], data: Data) -> None:
    work(trial, data)
    tune.report({"done_epochs": 1})


def torch_trainer(config: dict[str, Any], trial: dict[str, Any], data: Data) -> None:
    def loop(loop_config: dict[str, Any]) -> None:
        work(trial, data)
        train.report({"done_epochs": 1})

    trainer = TorchTrainer(
        loop,
        train_loop_config={},
        scaling_config=train.ScalingConfig(num_workers=1),
        run_config=train.RunConfig(
            storage_path=str(Path(tempfile.gettempdir()) / "nested"), name=tune.get_context().get_trial_id()
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
        loaded = load_space(path, SweepConfig, fixed=SWEEP_FIELDS)
        config = loaded.first()
        data = prepare(config.data, config.image_size)
        trial = config.trial().model_dump(mode="json")
        training = statistics.median(work(trial, data) for _ in range(5))

        def in_tune(function: Callable[..., None], resources: Any) -> Callable[[int], float]:
            with_data = tune.with_parameters(function, trial=trial, data=data)
            return lambda trials: stock(trials, with_data, folder, resources)

        rows = {
            "ours (MLflow and checkpoints written)": slope(lambda n: ours(n, loaded, folder), 4, 24),
            "a plain Tune function": slope(in_tune(plain_function, {"cpu": 1}), 1, 5),
            "a Tune function around a TorchTrainer": slope(in_tune(torch_trainer, {"cpu": 0}), 1, 3),
        }
    reference = rows["ours (MLflow and checkpoints written)"] - training
    print(f"training itself: {training:.2f} s a trial")
    print(f"{'':40} overhead   ratio to ours")
    for name, seconds in rows.items():
        print(f"{name:40} {seconds - training:6.2f} s   {(seconds - training) / reference:6.1f}")


if __name__ == "__main__":
    main()
