"""A trial's cost besides training: ours, a plain Tune function, a Tune function around a TorchTrainer.

    python -m tests.benchmarks.trial_overhead [--smallest]

All three train the same model for one epoch on the same data, one trial at a time, with the same Trainer;
ours also writes checkpoints and MLflow. A trial's overhead is the time between the end of the previous trial
and its end, less the seconds of training that it measures itself (``time/epoch_s``). Building the Trainer
counts as overhead. The first trial is left out, because it includes Ray's start. Ours delivers to MLflow in
the background: the last column is the time from the last trial's end until MLflow has everything.

Exits with 1 if an overhead is not above 0.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from ray import train, tune
from ray.train.torch import TorchTrainer
from ray.tune.experiment import Trial

from platform.config.load import load_space
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.tracking.writing.spool import read_entries
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.cluster.join import join, leave
from platform.tuning.cluster.library_logs import set_library_defaults
from platform.tuning.folder.which_folder import new_folder
from platform.tuning.run.plan import make_plan
from platform.tuning.run.sweep import run_sweep
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, ResourcesConfig, SweepConfig

from .figures import benchmark_parser, check_possible

SECONDS = "time/epoch_s"
OURS, PLAIN, NESTED = (
    "ours (MLflow and checkpoints written)",
    "a plain Tune function",
    "a Tune function around a TorchTrainer",
)
TRIALS = {OURS: 24, PLAIN: 6, NESTED: 4}
SMALLEST = {OURS: 3, PLAIN: 2, NESTED: 2}
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


@dataclass(frozen=True)
class Ended:
    """A trial: Unix time of its end, and the seconds of training that it has measured."""

    at_s: float
    training_s: float


@dataclass(frozen=True)
class Measured:
    """Trials in the order of their ends, and seconds until MLflow had all of them."""

    trials: Sequence[Ended]
    delivery_s: float | None = None

    @property
    def training_s(self) -> float:
        return fmean(trial.training_s for trial in self.trials[1:])

    @property
    def overhead_s(self) -> float:
        """Mean seconds between the ends of trials, less their training."""
        wall_s = self.trials[-1].at_s - self.trials[0].at_s
        return wall_s / (len(self.trials) - 1) - self.training_s


def ours(trials: int, folder: Path) -> Measured:
    path = folder / "space.yaml"
    loaded = load_space(path, SweepConfig, overrides=[f"search.trials={trials}"], fixed=SWEEP_FIELDS)
    sweep = new_folder(folder, "ours", is_given=True)
    plan = make_plan(loaded, sweep.name)
    end = run_sweep(loaded, plan, sweep, address=None, say=lambda text: None)
    delivered_s = time.time()
    leave()
    assert end.succeeded == trials, end
    training_s: dict[Any, float] = {}
    ended = []
    for entry in read_entries(sweep.spool):
        arguments: dict[str, Any] = entry.arguments
        if entry.call == "report":
            training_s[arguments["trial_id"]] = arguments["metrics"][SECONDS]
        elif entry.call == "finish_trial":
            ended.append(Ended(entry.at_ms / 1000, training_s[arguments["trial_id"]]))
    return Measured(ended, delivered_s - ended[-1].at_s)


class EndTimes(tune.Callback):
    """Collects the end of each trial in the driver."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self.ended.append(Ended(time.time(), trial.last_result[SECONDS]))


def stock(
    function: Callable[..., None], trials: int, parameters: Mapping[str, Any], folder: Path
) -> Measured:
    """Tune with its defaults around a function that trains one trial; Ray runs already."""
    times = EndTimes()
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(function, **parameters), {"cpu": 1}),
        tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1),
        run_config=tune.RunConfig(
            name=function.__name__, storage_path=str(folder), verbose=0, callbacks=[times]
        ),
    )
    results = tuner.fit()
    assert not results.errors, results.errors
    assert len(times.ended) == trials, times.ended
    return Measured(times.ended)


def trained(config: dict[str, Any], data: Data) -> dict[str, float]:
    metrics = Trainer(TrialConfig.model_validate_json(json.dumps(config)), data).train_epoch()
    return {SECONDS: metrics[SECONDS]}


def plain_function(config: dict[str, Any], trial: dict[str, Any], data: Data, folder: Path) -> None:
    tune.report(trained(trial, data))


def torch_trainer(config: dict[str, Any], trial: dict[str, Any], data: Data, folder: Path) -> None:
    name = tune.get_context().get_trial_id()
    seconds = folder / f"{name}.json"  # a result's metrics are those of a checkpoint, and there is none

    def loop(loop_config: dict[str, Any]) -> None:
        metrics = trained(trial, data)
        seconds.write_text(json.dumps(metrics), encoding="utf-8")
        train.report(metrics)

    TorchTrainer(
        loop,
        train_loop_config={},
        scaling_config=train.ScalingConfig(num_workers=1),
        run_config=train.RunConfig(storage_path=str(folder / "nested"), name=name),
    ).fit()
    tune.report(json.loads(seconds.read_text(encoding="utf-8")))


def report(measured: Mapping[str, Measured]) -> None:
    """Print the table; exit with 1 if a figure is impossible."""
    for name, one in measured.items():
        check_possible({f"overhead of {name}": one.overhead_s, f"training of {name}": one.training_s})
    print(f"{'seconds a trial':40} overhead   training   ratio to ours   delivery")
    for name, one in measured.items():
        ratio = one.overhead_s / measured[OURS].overhead_s
        delivery = "" if one.delivery_s is None else f"{one.delivery_s:8.2f} s"
        print(f"{name:40} {one.overhead_s:6.2f} s {one.training_s:8.2f} s {ratio:15.1f} {delivery}".rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    options = benchmark_parser(__doc__).parse_args(arguments)
    trials = SMALLEST if options.smallest else TRIALS
    set_library_defaults()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
        path = folder / "space.yaml"
        path.write_text(SPACE, encoding="utf-8")
        config = load_space(path, SweepConfig, fixed=SWEEP_FIELDS).first()
        measured = {OURS: ours(trials[OURS], folder)}
        data = prepare(config.data, config.image_size)
        parameters = {"trial": config.trial().model_dump(mode="json"), "data": data, "folder": folder}
        join(None, ResourcesConfig(), max(trials.values()))
        for label, function in {PLAIN: plain_function, NESTED: torch_trainer}.items():
            measured[label] = stock(function, trials[label], parameters, folder)
        leave()
    report(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
