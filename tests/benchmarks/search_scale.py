"""The search's cost besides training: 1,000 trials of a trivial objective, ours against stock Ray Tune.

    python -m tests.benchmarks.search_scale [--trials 1000] [--stock 100] [--smallest]

Both run trials of 20 reports of one metric, two at a time on two cores, over the same conditional space,
with ASHA, and write them to MLflow on SQLite. Ours is what `python -m platform.search` builds (journal,
`curves`, budget, progress, spool) around another trainable. Stock is `OptunaSearch` and Ray's
`MLflowLoggerCallback` with their defaults, except that Tune's snapshots and its CSV, JSON and TensorBoard
files are off for both; it runs once more with the processes of trials kept for the next ones. The metric is
constant until a trial's last report, so ASHA judges all trials and stops none: each makes its 20 reports.

The cost per trial is the time between the ends of trials, without the first, which includes Ray's start. It
is measured in the driver and in MLflow, because ours delivers in the background. The last 100 trials may cost
at most 1.5 times the first 100, and stock, over equally many of its first trials, must cost at least 4 times
ours. Exits with 1 if a goal is missed. Takes about ten minutes.
"""

import io
import math
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import AsyncHyperBandScheduler
from ray.tune.search.optuna import OptunaSearch

from platform.config.load import LoadedSpace, load_space
from platform.config.space import Space
from platform.datasets.preparation.prepare import prepare
from platform.tracking.connect import connect
from platform.tracking.writing.spool import read_entries, read_position
from platform.tracking.writing.spooled_writer import PATIENCE_S
from platform.tuning.cluster.join import join, leave
from platform.tuning.cluster.library_logs import library_logs_to, set_library_defaults
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.folder.which_folder import new_folder
from platform.tuning.run.plan import make_plan
from platform.tuning.run.sweep_records import open_sweep, open_writer
from platform.tuning.run.tuner import Work, make_tuner, search_phase
from platform.tuning.search.sampling import suggest
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.stopping.budget import Account
from platform.tuning.stopping.stoppers import StorageWatch

from .figures import benchmark_parser, check_possible

REPORTS, METRIC = 20, "val/accuracy"
PHASE = 100
SMALLEST, SMALLEST_STOCK = 8, 3  # trials
FLAT, CHEAPER = 1.5, 4.0
SPACE = f"""
epochs: {REPORTS}
image_size: 16
batch_size: {{choice: [16, 32, 64]}}
model: {{backbone: test_resnet}}
method:
  choice:
  - {{name: cross_entropy, label_smoothing: {{uniform: [0.0, 0.5]}}}}
  - {{name: peer, drop_rate: {{uniform: [0.1, 0.6]}}, ramp_epochs: {{int: [1, 10]}}}}
optim:
  choice:
  - {{name: sgd, lr: {{loguniform: [1.0e-2, 1.0]}}}}
  - {{name: adamw, lr: {{loguniform: [3.0e-4, 3.0e-2]}}}}
resources: {{cpus_per_worker: 1, gpus_per_worker: 0.0}}
"""


class Trivial(tune.Trainable):
    """Reports without training; ``parameters``: the sampled values by dotted name."""

    def setup(self, config: dict[str, Any]) -> None:
        self.parameters = config["parameters"]

    def step(self) -> dict[str, Any]:
        epoch = self.training_iteration + 1
        finished = epoch == REPORTS
        value = quality(self.parameters) if finished else 0.1
        return {METRIC: value, "epoch": epoch, "finished": finished, "done": finished}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write nothing."""


def quality(parameters: dict[str, Any]) -> float:
    """Between 0.1 and 1; the best is peer with a drop rate of 0.35."""
    off: float = abs(math.log10(parameters["optim.lr"]) + (1 if parameters["optim"] == "sgd" else 2.5))
    off += abs(parameters.get("method.drop_rate", 0.0) - 0.35)
    return 1 - 0.9 * min(off / 3, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="trials of ours")
    parser.add_argument("--stock", type=int, default=PHASE, help="trials of stock")
    options = parser.parse_args(arguments)
    trials, stock_trials = options.trials, options.stock
    if options.smallest:
        trials, stock_trials = SMALLEST, SMALLEST_STOCK
    set_library_defaults()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "space.yaml").write_text(SPACE)
        overrides = [f"search.trials={trials}"]
        loaded = load_space(folder / "space.yaml", SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
        ended, delivered = ours(loaded, folder)
        stock = {
            "stock": run_stock(loaded, folder, stock_trials, reuse_actors=False),
            "stock, processes kept": run_stock(loaded, folder, stock_trials, reuse_actors=True),
        }
    reached = report(ended, delivered, stock)
    return 0 if options.smallest or reached else 1


def report(ended: list[float], delivered: list[float], stock: dict[str, list[float]]) -> bool:
    """Print the costs; whether the goals are met."""
    costs = {"ours, the driver": ended, "ours, as MLflow has it": delivered, **stock}
    check_possible({f"cost of {name}": cost(times) for name, times in costs.items()})
    print(f"cost per trial of {REPORTS} reports, two at a time")
    print(f"{'':24}{'first':>10}{'last ' + str(PHASE):>10}{'last / first':>14}    (at most {FLAT})")
    growths = []
    for name, times in {"ours, the driver": ended, "ours, as MLflow has it": delivered}.items():
        first, last = cost(times[: PHASE + 1]), cost(times[-PHASE - 1 :])
        growths.append(last / first)
        print(f"{name:24}{first * 1000:7.0f} ms{last * 1000:7.0f} ms{growths[-1]:14.2f}")
    print(f"{'':24}{'trials':>10}{'cost':>10}{'of ours':>14}    (at least {CHEAPER:g})")
    print(f"{'ours, all':24}{len(delivered):10,}{cost(delivered) * 1000:7.0f} ms{1:14.2f}")
    ratios = []
    for name, times in stock.items():
        same = delivered[: len(times)]
        ratios.append(cost(times) / cost(same))
        print(f"{name:24}{len(times):10,}{cost(times) * 1000:7.0f} ms{ratios[-1]:14.2f}")
    check_possible({"last / first": min(growths), "of ours": min(ratios)})
    return max(growths) <= FLAT and ratios[0] >= CHEAPER


def cost(times: Sequence[float]) -> float:
    """Mean seconds from one end to the next."""
    return (times[-1] - times[0]) / (len(times) - 1)


def ours(loaded: LoadedSpace[SweepConfig], folder: Path) -> tuple[list[float], list[float]]:
    """When each trial ended (Unix seconds), in the driver and in MLflow."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/ours.db"
    sweep = new_folder(folder, "ours", is_given=True)
    with library_logs_to(sweep.logs), redirect_stdout(io.StringIO()):
        plan = make_plan(loaded, sweep.name)
        resources = join(None, plan.config.resources, plan.trials)
        data = prepare(plan.config.data, plan.largest_image)
        search = SpaceSearch(loaded, sweep)
        open_sweep(loaded, plan, sweep, data)
        work = Work(loaded, plan, sweep, data, resources)
        with open_writer(sweep, plan) as writer, delivery_times(sweep) as seen:
            account = Account(sweep, plan.config.search.budget, gpus=0, epochs={})
            writer.start()
            phase = search_phase(work, search)
            results = make_tuner(work, phase, account, writer, StorageWatch(), runs(Trivial)).fit()
            writer.finish("finished")
            writer.close(PATIENCE_S)
        leave()
    assert len(results) == plan.trials, results
    return ends(sweep, seen)


def runs(trainable: Any) -> Any:
    return tune.with_resources(trainable, {"cpu": 1})


@contextmanager
def delivery_times(sweep: SweepFolder) -> Iterator[list[tuple[float, int]]]:
    """Ten times a second the Unix time and the number of calls that MLflow has confirmed."""
    seen: list[tuple[float, int]] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.1):
            seen.append((time.time(), read_position(sweep.spool)))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        seen.append((time.time(), read_position(sweep.spool)))
        is_over.set()
        thread.join()


def ends(sweep: SweepFolder, seen: list[tuple[float, int]]) -> tuple[list[float], list[float]]:
    finishes = [entry for entry in read_entries(sweep.spool) if entry.call == "finish_trial"]
    ended = [entry.at_ms / 1000 for entry in finishes]
    samples = iter(seen)
    delivered, (at, confirmed) = [], next(samples)
    for entry in finishes:
        while confirmed < entry.n:
            at, confirmed = next(samples)  # MLflow has all of them, or this ends with an error
        delivered.append(at)
    return ended, delivered


def run_stock(
    loaded: LoadedSpace[SweepConfig], folder: Path, trials: int, *, reuse_actors: bool
) -> list[float]:
    """When each trial ended according to MLflow, in Unix seconds."""
    name = f"stock-{reuse_actors}"
    uri = f"sqlite:///{folder}/{name}.db"
    connect(uri, creates=True)  # so that no trial pays for the new database
    logs = folder / name
    join(None, loaded.first().resources, trials)
    selects: dict[str, Any] = {"metric": METRIC, "mode": "max"}
    with library_logs_to(logs), redirect_stdout(io.StringIO()):
        tuner = tune.Tuner(
            runs(Trivial),
            tune_config=tune.TuneConfig(
                search_alg=OptunaSearch(space=Conditional(loaded.space), seed=0, **selects),
                scheduler=AsyncHyperBandScheduler(max_t=REPORTS, **selects),
                num_samples=trials,
                max_concurrent_trials=2,
                reuse_actors=reuse_actors,
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(logs),
                callbacks=[MLflowLoggerCallback(tracking_uri=uri, experiment_name=name)],
                verbose=0,
            ),
        )
        results = tuner.fit()
        assert not results.errors, results.errors
        leave()
    found = mlflow.MlflowClient(uri).search_experiments(filter_string=f"name = '{name}'")
    known = mlflow.MlflowClient(uri).search_runs([found[0].experiment_id], max_results=trials)
    assert len(known) == trials, known
    return sorted(float(run.info.end_time) / 1000 for run in known)


@dataclass(frozen=True)
class Conditional:
    """The space for stock's search: a function that asks Optuna for one value after the other."""

    space: Space

    def __call__(self, trial: Any) -> dict[str, Any]:
        resolved = self.space.resolve(lambda name, known: suggest(trial, without_brackets(name), known))
        return {"parameters": resolved.parameters}


def without_brackets(name: str) -> str:
    """MLflow refuses brackets in a parameter's name, and Ray's callback fails at them."""
    return re.sub(r"[\[\]]", "_", name)


if __name__ == "__main__":
    sys.exit(main())
