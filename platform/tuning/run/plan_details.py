"""What ``--plan`` adds when asked: every setting (``--all``), the time by measured steps (``--time``)."""

import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer import Trainer
from platform.tuning.cluster.resources import resources_here, trial_resources
from platform.tuning.names import flatten, is_below
from platform.tuning.run.plan import Plan
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.terminal import duration
from platform.tuning.watching.long_work import long_work

WARM_UP_STEPS = 3
"""The first steps compile, allocate and measure; they are not counted."""
MEASURED_STEPS = 20
MEASURED_S = 20.0


def all_settings(loaded: LoadedSpace[SweepConfig]) -> Table:
    """Every setting that is not searched, and whether it is the default or written by you."""
    written = flatten(loaded.document.tree)
    searched = {parameter.path: None for parameter in loaded.space.parameters()}
    table = Table("setting", "value", "", box=None, pad_edge=False)
    for path, value in flatten(loaded.first().model_dump(mode="json")).items():
        if not is_below(path, searched):
            is_given = path in written or is_below(path, dict.fromkeys(written))
            table.add_row(Text(path), Text(_shown(value)), Text("" if is_given else "default", style="dim"))
    return table


def data_of(plan: Plan) -> Data:
    """The sweep's data, decoded here with a bar."""
    what = f"decoding {plan.config.data.source}"
    with long_work(Console(stderr=True, highlight=False), what) as (_, count):
        return prepare(plan.config.data, plan.largest_image, progress=count)


def estimated_time(loaded: LoadedSpace[SweepConfig], plan: Plan, data: Data) -> list[str]:
    """Sentences on the time of an epoch, a trial and the sweep, by steps of the first corner here."""
    config = loaded.first()
    own = trial_resources(config.resources, [resources_here()], plan.trials)
    trainer = Trainer(config.trial(), data, device=own.device, threads=own.cpus)
    steps = _step_seconds(trainer)
    started = time.perf_counter()
    trainer.evaluate()
    evaluation_s = time.perf_counter() - started
    epoch_s = trainer.updates_an_epoch * median(steps) + evaluation_s
    whole = epoch_s * plan.epochs_at_most / own.concurrency
    least = epoch_s * plan.epochs_at_least / own.concurrency
    return [
        f"a step takes {1000 * median(steps):,.0f} ms (median of {len(steps)}, one trial alone on this "
        f"machine, at the lowest value or first choice of each range)",
        f"an epoch takes about {duration(epoch_s)}: {trainer.updates_an_epoch:,} steps, and "
        f"{evaluation_s:.1f} s to validate",
        f"a trial takes up to {duration(epoch_s * plan.epochs_a_trial)}, the sweep {duration(least)} to "
        f"{duration(whole)} with {own.concurrency} at once; trials that share cores or a GPU take longer",
    ]


def _step_seconds(trainer: Trainer) -> list[float]:
    for network in trainer.networks:
        network.train()
    seconds: list[float] = []
    began = started = time.perf_counter()
    for place, batches in enumerate(trainer.stage.updates(0)):
        trainer.train_step(batches)
        _wait_for(trainer)
        now = time.perf_counter()
        seconds.append(now - started)
        started = now
        if place + 1 >= WARM_UP_STEPS + MEASURED_STEPS or now - began > MEASURED_S:
            break
    return seconds[WARM_UP_STEPS:] or seconds


def _wait_for(trainer: Trainer) -> None:
    """A GPU computes on while Python goes on: a step has ended when its results are there."""
    if trainer.device.type == "cuda":
        import torch

        torch.cuda.synchronize(trainer.device)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str) and not value:
        return "none"
    return str(value)
