"""Evaluation by retrieval at the size of Market-1501, ours against a plain double loop.

    python -m tests.benchmarks.retrieval [--queries 3368] [--gallery 19732] [--share 0.1] [--smallest]

The embeddings are random, of 512 dimensions: 3,368 queries and 19,732 gallery images of 750 identities by 6
cameras, distractors and junk among them. The loop ranks the gallery for one query (a matrix-vector product,
numpy's stable sort), then walks down the ranking image by image. It gets only ``--share`` of the queries, and
its time is scaled to all of them; on this share both must give the same metrics. Each runs in a separate
process, in turn. Times are medians over the rounds; memory is a process's peak, embeddings and libraries
included. Exits with 1 if ours is less than 5 times as fast, takes 4 GB or gives other metrics.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platform.training.evaluation.retrieval import Embedded, retrieval_metrics

from .figures import benchmark_parser, check_possible, process_peak_megabytes

ROOT = Path(__file__).resolve().parents[2]
DIMENSIONS, IDENTITIES, CAMERAS = 512, 750, 6
NOISE = 3.0  # relative to the distance between two identities' centres: neither all nor none is found
SMALLEST = ["--queries", "40", "--gallery", "2000", "--share", "0.5", "--rounds", "1"]
AT_LEAST, BELOW_MB = 5.0, 4000.0
CONTENDERS = ("double loop", "ours")


@dataclass(frozen=True)
class Run:
    """What one process measured; ``metrics`` are of the same queries for all."""

    seconds: float
    megabytes: float
    metrics: dict[str, float]


def random_embeddings(queries: int, gallery: int) -> tuple[Embedded, Embedded]:
    """Query and gallery; identity 0 marks distractors, -1 junk."""
    random = np.random.default_rng(0)
    centres_ID = random.standard_normal((IDENTITIES + 2, DIMENSIONS), dtype=np.float32)

    def images(count: int, first: int) -> Embedded:
        identities_N = random.integers(first, IDENTITIES + 1, count)
        noise_ND = random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        embeddings_ND = centres_ID[identities_N] + NOISE * noise_ND
        return Embedded(embeddings_ND, identities_N, random.integers(0, CAMERAS, count))

    return images(queries, first=1), images(gallery, first=-1)


def double_loop(query: Embedded, gallery: Embedded) -> dict[str, float]:
    query_QD, gallery_GD = (unit(each.embeddings) for each in (query, gallery))
    identities_G, cameras_G = gallery.identities.tolist(), gallery.cameras.tolist()
    found = []
    for number, embedding_D in enumerate(query_QD):
        ranking_G = np.argsort(-(gallery_GD @ embedding_D), kind="stable").tolist()
        identity, camera = int(query.identities[number]), int(query.cameras[number])
        rank, right, first, precision_before, area = 0, 0, 0, 1.0, 0.0
        for place in ranking_G:
            is_same = identities_G[place] == identity
            if identities_G[place] == -1 or (is_same and cameras_G[place] == camera):
                continue
            rank += 1
            right += is_same
            precision = right / rank
            if is_same:
                first = first or rank
                area += (precision_before + precision) / 2
            precision_before = precision
        if right:
            found.append((first, area / right))
    firsts, areas = np.array(found).T
    shares = {name: float((firsts <= rank).mean()) for name, rank in (("recall_at_1", 1), ("rank_10", 10))}
    return shares | {"map": float(areas.mean()), "unmatched_queries": float(len(query_QD) - len(found))}


def unit(embeddings_ND: np.ndarray) -> np.ndarray:
    as_float64 = embeddings_ND.astype(np.float64)
    unit_ND: np.ndarray = as_float64 / np.linalg.norm(as_float64, axis=1, keepdims=True)
    return unit_ND


def first_of(images: Embedded, count: int) -> Embedded:
    return Embedded(images.embeddings[:count], images.identities[:count], images.cameras[:count])


def run_alone(contender: str, options: argparse.Namespace) -> Run:
    """Measure one contender in this process; the loop's seconds are for its share of the queries."""
    query, gallery = random_embeddings(options.queries, options.gallery)
    some = first_of(query, math.ceil(options.share * options.queries))
    started = time.perf_counter()
    metrics = double_loop(some, gallery) if contender == "double loop" else retrieval_metrics(query, gallery)
    seconds = time.perf_counter() - started
    megabytes = process_peak_megabytes()
    if contender == "ours":
        metrics = retrieval_metrics(some, gallery)
    return Run(seconds, megabytes, metrics)


def in_child(contender: str, options: argparse.Namespace) -> Run:
    command = [sys.executable, "-m", "tests.benchmarks.retrieval", "--alone", contender]
    for name in ("queries", "gallery", "share"):
        command += [f"--{name}", str(getattr(options, name))]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Run(**json.loads(child.stdout.splitlines()[-1]))


def report(runs: dict[str, list[Run]], options: argparse.Namespace) -> bool:
    counted = math.ceil(options.share * options.queries)
    scale = {"double loop": options.queries / counted, "ours": 1.0}
    seconds = {
        name: scale[name] * statistics.median(run.seconds for run in each) for name, each in runs.items()
    }
    ratio = seconds["double loop"] / seconds["ours"]
    megabytes = {name: max(run.megabytes for run in each) for name, each in runs.items()}
    difference = max(
        abs(value - runs["ours"][0].metrics[name]) for name, value in runs["double loop"][0].metrics.items()
    )
    print(
        f"{options.queries:,} queries x {options.gallery:,} gallery images x {DIMENSIONS} dimensions, "
        f"median of {options.rounds}; the loop's time is that of {counted} queries, scaled"
    )
    for name in CONTENDERS:
        print(f"  {name:12}{seconds[name]:8.2f} s{megabytes[name]:10,.0f} MB at most")
    print(f"  speed       {ratio:8.2f} times    (at least {AT_LEAST:g}; memory below {BELOW_MB:,.0f} MB)")
    map_found = runs["ours"][0].metrics["map"]
    print(f"  difference  {difference:8.0e} at most, where map is {map_found:.3f}    (at most 1e-12)")
    check_possible({f"time of {name}": value for name, value in seconds.items()} | {"map": map_found})
    is_fast = ratio >= AT_LEAST and megabytes["ours"] < BELOW_MB
    return difference <= 1e-12 and (is_fast or options.smallest)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=19_732)
    parser.add_argument("--share", type=float, default=0.1, help="share of the queries that the loop gets")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each")
    parser.add_argument("--alone", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.smallest:
        options = parser.parse_args(SMALLEST, options)
    if options.alone:
        print(json.dumps(vars(run_alone(options.alone, options))))
        return 0
    runs: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
    for _ in range(options.rounds):
        for name in CONTENDERS:
            runs[name].append(in_child(name, options))
    return 0 if report(runs, options) else 1


if __name__ == "__main__":
    sys.exit(main())
