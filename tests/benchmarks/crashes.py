"""Kill sweeps at random moments and resume them: no trial lost, no epoch twice, the same table.

Each round kills a sweep of digits with SIGKILL after a random time, up to five times, and goes on with the
same command to its end. A sweep that nothing disturbs is the reference: its table must come out again.

    python -m tests.benchmarks.crashes [--kills 200] [--kind plain] [--seed 0] [--smallest]
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from platform.config.environment import environment_with
from platform.tuning.folder.sweep_folder import SweepFolder
from tests.s3_servers import local_s3

from .figures import benchmark_parser
from .small_sweeps import SPACE, end, start, table_of

KILLS, SMALLEST = 200, 1
LONGEST_S, SMALLEST_S = 40.0, 5.0
"""The latest moment of a kill: before, in the midst of and after the trials of a sweep of half a minute."""
KINDS = {
    "plain": "search: {trials: 4, scheduler: {name: none}}\nresources: {max_concurrent_trials: 1}\n",
    "budget": "search: {trials: 4, scheduler: {name: none}, budget: {epochs: 9}}\n"
    "resources: {max_concurrent_trials: 1}\n",
    "confirm": "search: {trials: 3, scheduler: {name: none}, confirm: {top: 1, seeds: 2}}\n"
    "resources: {max_concurrent_trials: 1}\n",
    "workers": "search: {trials: 2, scheduler: {name: none}}\nresources: {workers: 2}\n",
    "s3": "search: {trials: 4, scheduler: {name: none}}\nresources: {max_concurrent_trials: 1}\n"
    "storage: {path: 's3://bucket/sweeps'}\n",
}
"""Kinds of sweeps by name; that of S3 has a server of its own on this machine."""


@dataclass(frozen=True)
class Round:
    """What a sweep that was killed ``kills`` times has left."""

    kills: int
    lost: int
    is_same: bool


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__ or "")
    parser.add_argument("--kills", type=int, default=KILLS, help="how often a process is killed, all in all")
    parser.add_argument("--kind", choices=KINDS, action="append", help="the sweeps; all, unless given")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--settings", nargs="*", default=[], help="key.path=value for all sweeps")
    options = parser.parse_args(arguments)
    kills = SMALLEST if options.smallest else options.kills
    settings = [*options.settings, *(["epochs=1", "search.trials=1"] if options.smallest else [])]
    kinds = ["plain"] if options.smallest else options.kind or list(KINDS)
    draws, twice = random.Random(options.seed), 0
    done: list[Round] = []
    with TemporaryDirectory() as place, ExitStack() as opened:
        if "s3" in kinds:
            server = Path(place) / "s3"
            server.mkdir()
            opened.enter_context(environment_with(opened.enter_context(local_s3(server))))
        references = {kind: table_of(_undisturbed(Path(place), kind, settings)) for kind in kinds}
        while (left := kills - sum(one.kills for one in done)) > 0:
            kind = kinds[len(done) % len(kinds)]
            most_s = [
                draws.uniform(0, SMALLEST_S if options.smallest else LONGEST_S) for _ in range(min(left, 5))
            ]
            done.append(_round(Path(place), f"{kind}-{len(done)}", kind, settings, most_s, references[kind]))
            twice = _epochs_twice(Path(place))
            _print(done, twice)
    return int(twice > 0 or any(one.lost or not one.is_same for one in done))


def _print(done: Sequence[Round], twice: int) -> None:
    print(
        f"{sum(one.kills for one in done)} kills of {len(done)} sweeps: "
        f"{sum(one.lost for one in done)} trials lost, {twice} epochs twice, "
        f"{sum(not one.is_same for one in done)} other tables",
        flush=True,
    )


def _round(
    place: Path,
    name: str,
    kind: str,
    settings: Sequence[str],
    most_s: Sequence[float],
    reference: pd.DataFrame,
) -> Round:
    """Kill each of the sweep's processes after so many seconds, then let one end."""
    kills = 0
    for seconds in most_s:
        process = start(place, kind, name, settings)
        try:
            end(process, place / f"{name}.log", seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        break
    if kills == len(most_s):
        end(start(place, kind, name, settings), place / f"{name}.log")
    folder = SweepFolder(place / "runs" / name)
    table = table_of(folder)
    lost = len(set(reference["trial"]) - set(table["trial"]))
    return Round(kills, lost, table.equals(reference))


def _undisturbed(place: Path, kind: str, settings: Sequence[str]) -> SweepFolder:
    (place / f"{kind}.yaml").write_text(SPACE + KINDS[kind], encoding="utf-8")
    end(start(place, kind, kind, settings), place / f"{kind}.log")
    return SweepFolder(place / "runs" / kind)


def _epochs_twice(place: Path) -> int:
    """Epochs of which MLflow has more than one value, of all trials so far."""
    several = "SELECT 1 FROM metrics WHERE key = 'val/accuracy' GROUP BY run_uuid, step HAVING count(*) > 1"
    with closing(sqlite3.connect(place / "mlflow.db")) as database:
        return len(database.execute(several).fetchall())


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"took {(time.monotonic() - started) / 60:.1f} min")
    sys.exit(code)
