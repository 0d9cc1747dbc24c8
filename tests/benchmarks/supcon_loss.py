"""The supervised contrastive loss of 2,048 x 2 features, ours against a plain implementation.

    python -m tests.benchmarks.supcon_loss [--batch 2048] [--rounds 3] [--smallest]

Forward and backward on features of 128 dimensions and 100 classes with two threads. Each contender runs in a
separate process, in turn. The plain one computes the formula with matrices of all pairs, as published code
does. Memory is the peak of a process beyond libraries and features. Exits with 1 if ours is more than 10 %
slower, takes more than half of the memory, or gives another loss.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from platform.losses.contrastive import supcon

from .figures import benchmark_parser, check_possible, process_peak_megabytes

ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS, CLASSES, TEMPERATURE, STEPS = 128, 100, 0.1, 3
SLOWER_AT_MOST, MEMORY_AT_MOST = 1.1, 0.5
SMALLEST = ["--batch", "512", "--rounds", "1"]
CONTENDERS = ("plain", "ours")


def plain(features_BVD: Tensor, labels_B: Tensor) -> Tensor:
    """The formula over all pairs of features."""
    features_ND = torch.cat(features_BVD.unbind(1))
    label_N = labels_B.repeat(features_BVD.shape[1])
    similar_NN = features_ND @ features_ND.T / TEMPERATURE
    similar_NN = similar_NN - similar_NN.amax(1, keepdim=True).detach()
    is_other_NN = 1 - torch.eye(len(features_ND))
    is_positive_NN = (label_N[:, None] == label_N).float() * is_other_NN
    exponentials_NN = similar_NN.exp() * is_other_NN
    log_p_NN = similar_NN - exponentials_NN.sum(1, keepdim=True).log()
    mean_N = (is_positive_NN * log_p_NN).sum(1) / is_positive_NN.sum(1)
    return -mean_N.mean()


def ours(features_BVD: Tensor, labels_B: Tensor) -> Tensor:
    return supcon(features_BVD, labels_B, temperature=TEMPERATURE)


def run(name: str, batch: int) -> dict[str, float]:
    torch.set_num_threads(2)
    random = torch.Generator().manual_seed(0)
    features = F.normalize(torch.randn(batch, 2, DIMENSIONS, generator=random), dim=2).requires_grad_()
    labels = torch.randint(CLASSES, (batch,), generator=random)
    loss = {"plain": plain, "ours": ours}[name]
    loss(features[:64], labels[:64]).backward()
    before, taken = process_peak_megabytes(), []
    for _ in range(STEPS):
        started = time.perf_counter()
        value = loss(features, labels)
        value.backward()
        taken.append(time.perf_counter() - started)
    return {
        "seconds": min(taken),
        "megabytes": process_peak_megabytes() - before,
        "loss": value.item(),
    }


def in_a_process(name: str, batch: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.supcon_loss", "--batch", str(batch), "--run", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--batch", type=int, default=2048, help="samples, each with two features")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each")
    parser.add_argument("--run", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.smallest:
        options = parser.parse_args(SMALLEST, options)
    if options.run:
        print(json.dumps(run(options.run, options.batch)))
        return 0
    rounds = [{name: in_a_process(name, options.batch) for name in CONTENDERS} for _ in range(options.rounds)]
    print(
        f"contrastive loss of {options.batch:,} x 2 features, forward and backward\n"
        f"{'':10}seconds      MB    loss"
    )
    for name in CONTENDERS:
        seconds, megabytes = (
            statistics.median(each[name][key] for each in rounds) for key in ("seconds", "megabytes")
        )
        print(f"{name:10}{seconds:7.3f}{megabytes:8,.0f}{rounds[0][name]['loss']:8.4f}")
    check_possible(
        {f"{key} of {name}": each[name][key] for each in rounds for name in each for key in each[name]}
    )
    ratios = {
        key: statistics.median(each["ours"][key] / each["plain"][key] for each in rounds)
        for key in ("seconds", "megabytes")
    }
    print(f"{'ratio':10}{ratios['seconds']:7.2f}{ratios['megabytes']:8.2f}")
    is_same = all(abs(each["ours"]["loss"] - each["plain"]["loss"]) < 1e-3 for each in rounds)
    reached = ratios["seconds"] <= SLOWER_AT_MOST and ratios["megabytes"] <= MEMORY_AT_MOST
    return 0 if is_same and (options.smallest or reached) else 1


if __name__ == "__main__":
    sys.exit(main())
