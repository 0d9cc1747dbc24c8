"""Epochs that a search needs to match the best of 64 full random trials: ours against stock.

    python -m tests.benchmarks.search_quality [--repetitions 100] [--first 0] [--smallest] [search.…=… …]

Ours is SpaceSearch and the scheduler with a YAML's defaults, or with the overrides given. Stock is
OptunaSearch with its default sampler and Ray's ASHA with its defaults. Both draw from one conditional space,
four trials at once. The benchmark calls them as Tune does, without Ray's processes. Nothing is trained:
learning curves are simulated (simulated_curves.py), first with the best values where ranges as a user writes
them have them, then with the best values anywhere in their ranges, at other places in each repetition.

A repetition counts the epochs of all trials together until the checkpoint with the best validation accuracy
so far is truly as accurate as random search's after 64 x 20 epochs (its mean over repetitions). A repetition
that does not get there in half of those epochs counts as half of them, which favours the search that fails
more often. On average ours must need at most a quarter of random search's epochs and at most 0.7 of stock's.
Exits with 1 if it needs more with ranges as they are written. Takes a quarter of an hour on one core.
"""

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
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.sampling import suggest
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.stopping.schedulers import make_scheduler

from .figures import benchmark_parser, check_possible
from .simulated_curves import (
    EPOCHS,
    SPACE,
    Curve,
    Parameters,
    Problem,
    compare_with_recorded,
)

TRIALS, AT_ONCE = 64, 4
SMALLEST_TRIALS, SMALLEST_REPETITIONS = 8, 2
METRIC = "val/accuracy"
OF_RANDOM, OF_STOCK = 0.25, 0.7
Contender = tuple[Searcher, TrialScheduler]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="seed of the first repetition")
    parser.add_argument("overrides", nargs="*", help="settings of ours, as for platform.search")
    options = parser.parse_args(arguments)
    trials, repetitions = TRIALS, options.repetitions
    if options.smallest:
        trials, repetitions = SMALLEST_TRIALS, SMALLEST_REPETITIONS
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    compare_with_recorded()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "space.yaml"
        path.write_text(SPACE)
        plain = load_space(path, SweepConfig, fixed=SWEEP_FIELDS)
        loaded = load_space(path, SweepConfig, overrides=options.overrides, fixed=SWEEP_FIELDS)
        numbers = range(options.first, options.first + repetitions)
        as_written = [Repetition(number, Problem.as_written()) for number in numbers]
        anywhere = [
            Repetition(number, Problem.anywhere(plain.space, np.random.default_rng((number, 2))))
            for number in numbers
        ]
        compared = Compared(plain, loaded, trials)
        met = compared.print_table("best values where they are in ranges as written", as_written)
        compared.print_table("best values anywhere in their ranges", anywhere)
    return 0 if options.smallest or met else 1


@dataclass(frozen=True)
class Repetition:
    number: int
    problem: Problem

    def curve(self, parameters: Parameters, trial: int, of_random: bool = False) -> Curve:
        return self.problem.curve(parameters, np.random.default_rng((self.number, trial, int(of_random))))


@dataclass(frozen=True)
class Compared:
    """Searches over one space: ``plain`` without overrides, ``loaded`` with them; random search's trials."""

    plain: LoadedSpace[SweepConfig]
    loaded: LoadedSpace[SweepConfig]
    trials: int

    @property
    def random_epochs(self) -> int:
        return self.trials * EPOCHS

    def print_table(self, title: str, repetitions: Sequence[Repetition]) -> bool:
        """Print the epochs that each search needs; whether the goals are met."""
        target = statistics.fmean(random_search(self.plain, one, self.trials) for one in repetitions)
        limit = self.random_epochs // 2
        needed = {
            "ours": [epochs_to(target, ours(self.loaded, one.number), one, limit) for one in repetitions],
            "stock": [epochs_to(target, stock(self.plain, one.number), one, limit) for one in repetitions],
        }
        print(
            f"\n{title}: epochs until the best checkpoint is worth {target:.4f}, "
            f"{len(repetitions)} repetitions"
        )
        print(f"{'':10}{'mean':>8}{'± s.e.':>8}{'median':>8}{f'not within {limit}':>18}")
        print(f"{'random':10}{self.random_epochs:8}")
        for name, epochs in needed.items():
            mean, median, unreached = statistics.fmean(epochs), statistics.median(epochs), epochs.count(limit)
            print(f"{name:10}{mean:8.0f}{standard_error(epochs):8.0f}{median:8.0f}{unreached:18}")
        return self._print_ratios(needed["ours"], needed["stock"])

    def _print_ratios(self, own: Sequence[int], stock: Sequence[int]) -> bool:
        mean, error = statistics.fmean(own), standard_error(own)
        of_random, of_stock = mean / self.random_epochs, mean / statistics.fmean(stock)
        relative = math.hypot(error / mean, standard_error(stock) / statistics.fmean(stock))
        print(f"ours / random {of_random:6.2f} ± {error / self.random_epochs:.2f}    (at most {OF_RANDOM})")
        print(
            f"ours / stock  {of_stock:6.2f} ± {of_stock * relative:.2f}    (at most {OF_STOCK})", flush=True
        )
        check_possible({"ours / random": of_random, "ours / stock": of_stock})
        return of_random <= OF_RANDOM and of_stock <= OF_STOCK


def standard_error(values: Sequence[int]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))


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


def random_search(loaded: LoadedSpace[SweepConfig], repetition: Repetition, trials: int) -> float:
    """The true accuracy of the checkpoint that looks best in full random trials."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=10_000 + repetition.number))
    define, curves = conditional(loaded), []
    for number in range(trials):
        curves.append(repetition.curve(define(study.ask())["parameters"], number, of_random=True))
    best = max(curves, key=lambda curve: float(curve.seen.max()))
    return float(best.true[best.seen.argmax()])


def epochs_to(target: float, contender: Contender, repetition: Repetition, limit: int) -> int:
    """Epochs until the best checkpoint's true accuracy is ``target``, at most ``limit``."""
    searcher, scheduler = contender
    best, worth = -math.inf, -math.inf
    for spent, (curve, epoch) in enumerate(trained(searcher, scheduler, repetition), start=1):
        if curve.seen[epoch - 1] > best:
            best, worth = curve.seen[epoch - 1], curve.true[epoch - 1]
        if worth >= target or spent == limit:
            return spent
    raise AssertionError("the search has ended before its time")


def trained(
    searcher: Searcher, scheduler: TrialScheduler, repetition: Repetition
) -> Iterator[tuple[Curve, int]]:
    """Every epoch of every trial in the order of time; all epochs take equally long.

    Calls searcher and scheduler as Tune's controller does.
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
    """The space for stock's search: a function that asks Optuna for one value after the other."""

    def define(trial: Any) -> Parameters:
        resolved = loaded.space.resolve(lambda name, known: suggest(trial, name, known))
        return {"parameters": resolved.parameters}

    return define


if __name__ == "__main__":
    sys.exit(main())
