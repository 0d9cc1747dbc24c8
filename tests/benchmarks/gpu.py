"""One GPU in at most ten minutes: training steps, whether the input keeps up, and exactness.

    python -m tests.benchmarks.gpu [--seconds 8] [--minutes 10] [--out runs/gpu] [--smallest]

- Peer-learning of two networks on JPEG files, with the default settings and in fp32 with contiguous memory:
  images/s of training steps alone, and fed as a trial is, the peak of GPU memory, what the feed brings when
  nothing trains, and the share of the time in which steps wait for it.
- The golden losses of each method's first steps, and a trial that is killed and resumed against one that ran
  through, with deterministic kernels and without TF32.

Prints a table, and writes it as gpu.json and gpu.md into --out, for docs/gpu.md. Exits with 1 if something is
not exact, with 2 if there is no GPU. ``--smallest`` runs every part on the CPU, in seconds.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from platform.datasets.images.available_cores import usable_cores
from platform.storage.whole_files import write_whole

from .figures import benchmark_parser
from .gpu_exactness import Exactness, check
from .gpu_speed import SETTINGS, Speed, Workload, make_data, measure
from .reference_loop import Case
from .training_epoch import make_folder

WORK = [
    Workload("resnet18", 64, 256, (96, 128), 4096),
    Workload("resnet50", 224, 128, (375, 500), 1536),
    Workload("convnext_base", 224, 64, (375, 500), 1536),
]
SMALLEST = Workload("test_resnet", 32, 8, (48, 64), 24)
SMALLEST_SECONDS = 0.05
COLUMNS = ("network", "settings", "steps", "fed", "feed", "waiting", "peak")
KEPT_FOR_EXACTNESS_S = 120.0
"""Speeds are no longer measured when only this much of --minutes is left."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser_of_gpu().parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.smallest:
        print("no GPU here: torch sees none; --smallest runs every part on the CPU", file=sys.stderr)
        return 2
    if options.smallest:
        device = "cpu"
        torch.set_num_threads(1)
    started = time.perf_counter()
    machine = machine_of(device)
    print(machine, flush=True)
    speeds, left_out = measure_speeds(options, device, started + 60 * options.minutes - KEPT_FOR_EXACTNESS_S)
    exact = [one for name in ("golden", "resume") for one in check(name, device)]
    for one in exact:
        print(f"{one.name}: {one.measured}{'' if one.is_exact else ' — NOT AS IT MUST BE'}", flush=True)
    write(options.out, machine, speeds, left_out, exact)
    print(
        f"{time.perf_counter() - started:.0f} s; written to {options.out}/gpu.json and {options.out}/gpu.md"
    )
    return 0 if all(one.is_exact for one in exact) else 1


def parser_of_gpu() -> argparse.ArgumentParser:
    parser = benchmark_parser(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--minutes", type=float, default=10.0, help="networks that take longer are left out")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of gpu.json and gpu.md")
    return parser


def machine_of(device: str) -> str:
    name = torch.cuda.get_device_name() if device == "cuda" else "a CPU"
    return f"{name}, {usable_cores()} cores, torch {torch.__version__}"


def measure_speeds(options: argparse.Namespace, device: str, until: float) -> tuple[list[Speed], list[str]]:
    """The speeds, and the networks that there was no time for."""
    threads = 1 if options.smallest else usable_cores()
    seconds = SMALLEST_SECONDS if options.smallest else options.seconds
    speeds, left_out = [], []
    print_row(*COLUMNS)
    for work in [SMALLEST] if options.smallest else WORK:
        if time.perf_counter() > until:
            left_out.append(work.backbone)
            print(f"{work.backbone}: left out, as --minutes are over", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            make_folder(Path(folder), files_of(work))
            data = make_data(Path(folder), work)
            for named in SETTINGS:
                speeds.append(measure(work, data, named, device, threads, seconds))
                print_row(*cells(speeds[-1]))
    return speeds, left_out


def files_of(work: Workload) -> Case:
    few = max(work.images // 16, 4)
    return Case("cpu", work.image_size, work.backbone, "", work.shape, work.batch_size, work.images, few, 0.0)


def cells(speed: Speed) -> tuple[str, ...]:
    layout = ", channels_last" if speed.channels_last else ""
    return (
        f"{speed.backbone}, {speed.image_size} px, {speed.batch_size}",
        f"{speed.settings}: {speed.precision}{layout}" if speed.settings == "defaults" else speed.settings,
        f"{speed.step:,.0f}",
        f"{speed.fed:,.0f}",
        f"{speed.feed:,.0f}",
        f"{speed.waiting:.0%}",
        f"{speed.peak_megabytes:,.0f} MB",
    )


def print_row(*row: str) -> None:
    widths = (28, 32, 9, 9, 9, 9, 12)
    aligned = [
        cell.ljust(width) if width > 20 else cell.rjust(width)
        for cell, width in zip(row, widths, strict=True)
    ]
    print("".join(aligned), flush=True)


def write(
    folder: Path, machine: str, speeds: list[Speed], left_out: list[str], exact: list[Exactness]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "machine": machine,
        "speeds": [asdict(one) for one in speeds],
        "left_out": left_out,
        "exactness": [asdict(one) for one in exact],
    }
    write_whole(folder / "gpu.json", json.dumps(found, indent=1))
    write_whole(folder / "gpu.md", as_markdown(machine, speeds, left_out, exact))


def as_markdown(machine: str, speeds: list[Speed], left_out: list[str], exact: list[Exactness]) -> str:
    lines = [
        f"On {machine}: `python -m tests.benchmarks.gpu`. Peer-learning of two networks; images/s of steps",
        "on ready batches, of fed steps, and of the feed alone; the share of the time in which steps wait",
        "for the feed; the peak of memory.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{' --- |' * len(COLUMNS)}",
        *(f"| {' | '.join(cells(one))} |" for one in speeds),
        *(f"\nThere was no time for {name}." for name in left_out),
        "",
        "| exactness | measured | |",
        "| --- | --- | --- |",
        *(f"| {one.name} | {one.measured} | {'as it must be' if one.is_exact else 'NOT'} |" for one in exact),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
