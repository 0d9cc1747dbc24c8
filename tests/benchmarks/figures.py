"""What every benchmark has: the option ``--smallest``, a check of its figures, and peak memory."""

import argparse
import math
from collections.abc import Mapping
from pathlib import Path


def benchmark_parser(document: str) -> argparse.ArgumentParser:
    """A parser whose description is the first line of ``document``, with the option ``--smallest``."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument(
        "--smallest",
        action="store_true",
        help="run every part in seconds and print the same table; the goals are not judged",
    )
    return parser


def check_possible(figures: Mapping[str, float]) -> None:
    """Exit with code 1 if a figure is not finite and above 0, as a time, a size or a ratio must be."""
    impossible = [f"{name} is {value:g}" for name, value in figures.items() if not 0 < value < math.inf]
    if impossible:
        raise SystemExit(f"impossible: {', '.join(impossible)}; repeat the benchmark on a quiet machine")


def process_peak_megabytes() -> float:
    """The most memory that this process has held."""
    # not getrusage's ru_maxrss, which a process inherits from the one that started it
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
