"""Sweeps under a clock that is set back and forth, and pairs of sweeps on one SQLite: the same tables.

``clock``: for three seconds the wall clock is a day fast, for the next three a day slow, in all processes
(``tests/failing_disk.c``); a budget of the wall clock would have used up the 30 minutes that there are.
The sweep is killed once and resumed. ``one_database``: two sweeps at a time, for so many minutes, whose
MLflow and whose studies lie in one SQLite file each. A sweep that nothing disturbs is the reference.

    python -m tests.benchmarks.moments [--kind clock] [--minutes 60] [--smallest]
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from platform.tuning.folder.sweep_folder import SweepFolder
from tests.failing_disks import can_fail, failing_disk

from .figures import benchmark_parser
from .small_sweeps import SPACE, end, start, table_of

KINDS = ("clock", "one_database")
SWING_S = 86_400
LATEST_KILL_S = 25.0
SEARCH = """
search: {trials: 3, scheduler: {name: none}, confirm: {top: 1, seeds: 2}, budget: {time: 30m}}
resources: {max_concurrent_trials: 1}
"""
SHORT = ["epochs=1", "search.trials=1", "search.confirm=null"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__ or "")
    parser.add_argument("--kind", choices=KINDS, action="append", help="these only")
    parser.add_argument("--minutes", type=float, default=60.0, help="of pairs of sweeps on one SQLite")
    options = parser.parse_args(arguments)
    settings = SHORT if options.smallest else []
    kinds = ["clock"] if options.smallest else options.kind or KINDS
    with TemporaryDirectory() as made:
        place = Path(made)
        (place / "space.yaml").write_text(SPACE + SEARCH, encoding="utf-8")
        reference = _whole(place, "whole", settings)
        wrong: list[str] = []
        if "clock" in kinds:
            wrong += _clock(place, settings, reference)
        if "one_database" in kinds:
            wrong += _one_database(place, settings, reference, options.minutes * 60)
    print("\n".join(wrong) or "0 other tables, 0 tracebacks")
    return int(bool(wrong))


def _clock(place: Path, settings: Sequence[str], reference: pd.DataFrame) -> list[str]:
    if not can_fail():
        print("0 sweeps with another clock: there is no C compiler (cc), which this needs")
        return []
    preload = failing_disk(place, "").environment["LD_PRELOAD"]
    clock = {"LD_PRELOAD": preload, "SWINGING_CLOCK": str(SWING_S)}
    process = start(place, "space", "clock", settings, clock)
    try:
        process.wait(LATEST_KILL_S)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    began = time.monotonic()
    process = start(place, "space", "clock", settings, clock)
    end(process, place / "clock.log")
    took_s = time.monotonic() - began
    folder = SweepFolder(place / "runs" / "clock")
    wrong = _wrong(place, "clock", reference)
    seconds = pd.read_csv(folder.trials_csv)["seconds"]
    if (seconds <= 0).any():
        wrong.append(f"clock: times of trials {seconds.tolist()}")
    print(
        f"clock: {len(seconds)} trials, resumed for {took_s:.0f} s; times of trials {seconds.tolist()}",
        flush=True,
    )
    return wrong


def _one_database(place: Path, settings: Sequence[str], reference: pd.DataFrame, seconds: float) -> list[str]:
    """Pairs of sweeps until ``seconds`` have passed; each pair begins at the same time."""
    settings = [*settings, f"search.storage=sqlite:///{place}/studies.db"]
    wrong: list[str] = []
    until, pairs = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        names = [f"{side}-{pairs}" for side in ("left", "right")]
        both = [start(place, "space", name, settings) for name in names]
        for name, process in zip(names, both, strict=True):
            if code := process.wait():
                log = (place / f"{name}.log").read_text(encoding="utf-8")
                wrong.append(f"{name} ended with {code}: {log[-1_500:]}")
            else:
                wrong += _wrong(place, name, reference)
        pairs += 1
        print(f"one_database: {pairs} pairs of sweeps, {len(wrong)} wrong", flush=True)
    several = "SELECT 1 FROM metrics WHERE key = 'val/accuracy' GROUP BY run_uuid, step HAVING count(*) > 1"
    with closing(sqlite3.connect(place / "mlflow.db")) as database:
        twice = len(database.execute(several).fetchall())
    return [*wrong, *([f"{twice} epochs twice"] if twice else [])]


def _whole(place: Path, name: str, settings: Sequence[str]) -> pd.DataFrame:
    end(start(place, "space", name, settings), place / f"{name}.log")
    return table_of(SweepFolder(place / "runs" / name))


def _wrong(place: Path, name: str, reference: pd.DataFrame) -> list[str]:
    log = (place / f"{name}.log").read_text(encoding="utf-8")
    found = [f"{name}: a traceback: {log[-1_500:]}"] if "Traceback" in log else []
    if not table_of(SweepFolder(place / "runs" / name)).equals(reference):
        found.append(f"{name}: another table")
    return found


if __name__ == "__main__":
    sys.exit(main())
