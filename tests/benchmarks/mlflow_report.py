"""Cost of one report to MLflow: ours (spooled, then one batched request) against Ray's callback, same store.

    python -m tests.benchmarks.mlflow_report [--metrics 20] [--reports 40] [--smallest]

Both write the same metrics of the same epochs to one SQLite database. They take turns, so that other load on
the machine meets both. Prints medians and their ratio; ours must cost at most a quarter.
"""

import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .figures import benchmark_parser, check_possible

AT_MOST = 0.25


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--metrics", type=int, default=20, help="metrics a report")
    parser.add_argument("--reports", type=int, default=40, help="reports timed of each")
    options = parser.parse_args(arguments)
    metrics, reports = (2, 2) if options.smallest else (options.metrics, options.reports)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        driver, ours, rays = measure(f"sqlite:///{folder}/mlflow.db", metrics, reports)
    ratio = statistics.median(ours) / statistics.median(rays)
    print(f"one report of {metrics} metrics to MLflow on SQLite, median of {reports}")
    print(f"  ours: what the driver waits {statistics.median(driver) * 1000:7.2f} ms")
    print(f"  ours, the delivery included {statistics.median(ours) * 1000:7.1f} ms")
    print(f"  Ray's MLflowLoggerCallback  {statistics.median(rays) * 1000:7.1f} ms")
    print(f"  ratio                       {ratio:7.3f}    (at most {AT_MOST})")
    check_possible({"ours": statistics.median(ours), "Ray's": statistics.median(rays)})
    return 0 if options.smallest or ratio <= AT_MOST else 1


def measure(uri: str, metrics: int, reports: int) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each report but the first: ours in the driver, ours until MLflow has it, Ray's."""
    from platform.tracking.writing.delivery import Courier
    from platform.tracking.writing.spool import Spool
    from platform.tracking.writing.writer import SweepWriter

    spool = Spool(Path("spool.jsonl"))
    courier = Courier(spool, SweepWriter.open(uri, "ours", "bench").state)
    spool.append(
        "start_trial", {"trial_id": "trial", "searched": {}, "constants": {}, "config": {}, "attempt": 1}
    )
    rays = rays_report(uri)
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    for epoch in range(1, reports + 2):
        values = {f"val/metric_{index}": index / epoch for index in range(metrics)}
        call = {"trial_id": "trial", "step": epoch, "metrics": values}
        driver = timed(partial(spool.append, "report", call))
        delivery = timed(courier.deliver)
        taken = [driver, driver + delivery, timed(partial(rays, epoch, values))]
        if epoch > 1:
            for times, value in zip(seconds, taken, strict=True):
                times.append(value)
    spool.close()
    return seconds


def rays_report(uri: str) -> Callable[[int, dict[str, float]], None]:
    """What Ray's callback does when a trial reports. It needs the trial's name and config only."""
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name="rays")
    callback.setup()
    trial: Any = Trial(config={})
    callback.log_trial_start(trial)
    return lambda step, values: callback.log_trial_result(step, trial, {**values, "training_iteration": step})


class Trial(SimpleNamespace):
    __hash__ = object.__hash__  # type: ignore[assignment]


def timed(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
