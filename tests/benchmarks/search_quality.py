"""Epochs that a search needs to find what random search finds in 64 full trials: ours against stock.

    python -m tests.benchmarks.search_quality [--repetitions 100] [--first 0] [search.…=… …]

Ours is SpaceSearch and the scheduler with a YAML's defaults, or with the overrides given; stock is
OptunaSearch with its default sampler and Ray's ASHA with its defaults. Both draw from one conditional space,
four trials at once, and are asked and told as Tune does it, without Ray's processes; nothing is trained:
learning curves are simulated (simulated_curves.py), once with the best values where they are in ranges as a
user writes them, once anywhere in their ranges, at other places in each repetition. A repetition counts the
epochs, of all trials together, until the checkpoint with the best validation accuracy so far is truly as
accurate as random search's after 64 x 20 epochs (its mean over repetitions); one that does not get there in
half of those epochs counts as half of them, which spares whoever fails more often. Ours must need at most a
quarter of random search's, and at most 0.7 of stock's, on average: exit code 1 where it does not with ranges
as they are written. A quarter of an hour of one core.
"""

import argparse
import heapq
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from platform.config.load import LoadedSpace, known_space, load_space
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.search.sampling import suggest
from platform.tuning.stopping.schedulers import make_scheduler
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder

from .simulated_curves import (
    EPOCHS,
    SPACE,
    Curve,
    Parameters,
    Problem,
    compare_with_recorded,
)

TRIALS, AT_ONCE = 64, 4
RANDOM = TRIALS * EPOCHS
METRIC = "val/accuracy"
OF_RANDOM, OF_STOCK = 0.25, 0.7
Contender = tuple[Searcher, TrialScheduler]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first one's seed; other seeds, other luck")
    parser.add_argument("overrides", nargs="*", help="settings of ours, as of platform.search")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    compare_with_recorded()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "space.yaml"
        path.write_text(SPACE)
        plain = load_space(path, SweepConfig, fixed=SWEEP_FIELDS)
        loaded = load_space(path, SweepConfig, overrides=options.overrides, fixed=SWEEP_FIELDS)
        numbers = range(options.first, options.first + options.repetitions)
        as_written = [Repetition(number, Problem.as_written()) for number in numbers]
        anywhere = [
            Repetition(number, Problem.anywhere(plain.space, np.random.default_rng((number, 2))))
            for number in numbers
        ]
        met = compare("best values where they are in ranges as written", as_written, plain, loaded)
        compare("best values anywhere in their ranges", anywhere, plain, loaded)
    return 0 if met else 1


@dataclass(frozen=True)
class Repetition:
    number: int
    problem: Problem

    def curve(self, parameters: Parameters, trial: int, of_random: bool = False) -> Curve:
        return self.problem.curve(parameters, np.random.default_rng((self.number, trial, int(of_random))))


def compare(
    title: str,
    repetitions: Sequence[Repetition],
    plain: LoadedSpace[SweepConfig],
    loaded: LoadedSpace[SweepConfig],
) -> bool:
    """Print a table; whether the goals are met."""
    target = statistics.fmean(random_search(plain, one) for one in repetitions)
    needed = {
        "ours": [epochs_to(target, ours(loaded, one.number), one) for one in repetitions],
        "stock": [epochs_to(target, stock(plain, one.number), one) for one in repetitions],
    }
    print(
        f"\n{title}: epochs until the best checkpoint is worth {target:.4f}, {len(repetitions)} repetitions"
    )
    print(f"{'':10}{'mean':>8}{'± s.e.':>8}{'median':>8}{'not within ' + str(RANDOM // 2):>18}")
    print(f"{'random':10}{RANDOM:8}")
    means, errors = {}, {}
    for name, epochs in needed.items():
        means[name], errors[name] = (
            statistics.fmean(epochs),
            statistics.stdev(epochs) / math.sqrt(len(epochs)),
        )
        unreached = sum(one == RANDOM // 2 for one in epochs)
        print(f"{name:10}{means[name]:8.0f}{errors[name]:8.0f}{statistics.median(epochs):8.0f}{unreached:18}")
    of_random, of_stock = means["ours"] / RANDOM, means["ours"] / means["stock"]
    error = of_stock * math.hypot(*(errors[name] / means[name] for name in means))
    print(f"ours / random {of_random:6.2f} ± {errors['ours'] / RANDOM:.2f}    (at most {OF_RANDOM})")
    print(f"ours / stock  {of_stock:6.2f} ± {error:.2f}    (at most {OF_STOCK})", flush=True)
    return of_random <= OF_RANDOM and of_stock <= OF_STOCK


def ours(loaded: LoadedSpace[SweepConfig], seed: int) -> Contender:
    seeded = known_space({**loaded.document.tree, "seed": seed}, loaded.document.source, SweepConfig)
    runs = Path(loaded.document.source).parent / str(seed)
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir()
    starts, _ = starts_of(seeded, runs)
    scheduler = make_scheduler(seeded.first().search, max_epochs=EPOCHS, seed=seed)
    return SpaceSearch(seeded, SweepFolder(runs), starts), scheduler


def stock(plain: LoadedSpace[SweepConfig], seed: int) -> Contender:
    selects: dict[str, Any] = {"metric": METRIC, "mode": "max"}
    searcher = OptunaSearch(space=conditional(plain), seed=seed, **selects)
    return searcher, AsyncHyperBandScheduler(max_t=EPOCHS, **selects)


def random_search(loaded: LoadedSpace[SweepConfig], repetition: Repetition) -> float:
    """What the checkpoint that looks best of 64 full random trials is worth."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=10_000 + repetition.number))
    define, curves = conditional(loaded), []
    for number in range(TRIALS):
        curves.append(repetition.curve(define(study.ask())["parameters"], number, of_random=True))
    best = max(curves, key=lambda curve: float(curve.seen.max()))
    return float(best.true[best.seen.argmax()])


def epochs_to(target: float, contender: Contender, repetition: Repetition) -> int:
    searcher, scheduler = contender
    best, worth = -math.inf, -math.inf
    for spent, (curve, epoch) in enumerate(trained(searcher, scheduler, repetition), start=1):
        if curve.seen[epoch - 1] > best:
            best, worth = curve.seen[epoch - 1], curve.true[epoch - 1]
        if worth >= target or spent == RANDOM // 2:
            return spent
    raise AssertionError("the search has ended before its time")


def trained(
    searcher: Searcher, scheduler: TrialScheduler, repetition: Repetition
) -> Iterator[tuple[Curve, int]]:
    """Every epoch that is trained, of all trials, in the order of time; each takes as long as any other.

    Searcher and scheduler are called as Tune's controller calls them.
    """
    nobody: Any = None
    running: list[tuple[int, int, Trial, Curve]] = []

    def begin(time: int, number: int) -> None:
        trial = Trial("simulated", stub=True)
        config: Any = searcher.suggest(trial.trial_id)
        trial.config = config
        scheduler.on_trial_add(nobody, trial)
        curve = repetition.curve(config["parameters"], number)
        heapq.heappush(running, (time + 1, number * (EPOCHS + 1) + 1, trial, curve))

    for number in range(AT_ONCE):
        begin(0, number)
    begun = AT_ONCE
    while True:
        time, place, trial, curve = heapq.heappop(running)
        epoch = place % (EPOCHS + 1)
        finished = epoch == EPOCHS
        value = float(curve.seen[epoch - 1])
        result = {METRIC: value, "epoch": epoch, "training_iteration": epoch, "finished": finished}
        if finished:
            scheduler.on_trial_complete(nobody, trial, result)
        elif scheduler.on_trial_result(nobody, trial, result) == TrialScheduler.CONTINUE:
            searcher.on_trial_result(trial.trial_id, result)
            heapq.heappush(running, (time + 1, place + 1, trial, curve))
            yield curve, epoch
            continue
        searcher.on_trial_complete(trial.trial_id, result)
        yield curve, epoch
        begin(time, begun)
        begun += 1


def conditional(loaded: LoadedSpace[SweepConfig]) -> Callable[[Any], Parameters]:
    """The space as stock's search takes it: a function that asks Optuna for one value after the other."""

    def define(trial: Any) -> Parameters:
        resolved = loaded.space.resolve(lambda name, known: suggest(trial, name, known))
        return {"parameters": resolved.parameters}

    return define


if __name__ == "__main__":
    sys.exit(main())
