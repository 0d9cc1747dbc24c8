"""Evaluation by retrieval at the size of Market-1501, ours against a plain double loop.

    python -m tests.benchmarks.retrieval [--queries 3368] [--share 0.1] [--rounds 3]

Made-up embeddings of 512 dimensions: 3,368 queries, 19,732 gallery images of 750 identities by 6 cameras,
distractors and junk among them. The loop ranks the gallery for one query (a product of matrix and vector,
numpy's stable sort), then walks down the ranking image by image. It gets only ``--share`` of the queries, and
its time is scaled to all of them; on this share both must find the same numbers. Each runs in a process of
its own, in turn; times are medians over the rounds, memory is the most that a process took, embeddings and
libraries included. Exits with 1 where ours is less than 5 times as fast, takes 4 GB or finds other numbers.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from platform.training.evaluation.retrieval import Embedded, retrieval_metrics

ROOT = Path(__file__).resolve().parents[2]
GALLERY, DIMENSIONS, IDENTITIES, CAMERAS = 19_732, 512, 750, 6
NOISE = 3.0  # of an image, times the distance of two identities' centres: neither all nor none is found
AT_LEAST, BELOW_MB = 5.0, 4000.0
CONTENDERS = ("double loop", "ours")


@dataclass(frozen=True)
class Run:
    """What one process found, the same queries' ``metrics`` for all."""

    seconds: float
    megabytes: float
    metrics: dict[str, float]


def made_up(queries: int) -> tuple[Embedded, Embedded]:
    """Query and gallery; identity 0 is that of distractors, -1 of junk."""
    random = np.random.default_rng(0)
    centres_ID = random.standard_normal((IDENTITIES + 2, DIMENSIONS), dtype=np.float32)

    def images(count: int, first: int) -> Embedded:
        identities_N = random.integers(first, IDENTITIES + 1, count)
        noise_ND = random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        embeddings_ND = centres_ID[identities_N] + NOISE * noise_ND
        return Embedded(embeddings_ND, identities_N, random.integers(0, CAMERAS, count))

    return images(queries, first=1), images(GALLERY, first=-1)


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
    return as_float64 / np.linalg.norm(as_float64, axis=1, keepdims=True)


def first_of(images: Embedded, count: int) -> Embedded:
    return Embedded(images.embeddings[:count], images.identities[:count], images.cameras[:count])


def run_alone(contender: str, queries: int, share: float) -> Run:
    """In a process that does nothing else; the loop's seconds are those of its share of the queries."""
    query, gallery = made_up(queries)
    some = first_of(query, math.ceil(share * queries))
    started = time.perf_counter()
    metrics = double_loop(some, gallery) if contender == "double loop" else retrieval_metrics(query, gallery)
    seconds = time.perf_counter() - started
    # not getrusage's ru_maxrss, which a process inherits from the one that started it
    peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    if contender == "ours":
        metrics = retrieval_metrics(some, gallery)
    return Run(seconds, int(peak) / 1024, metrics)


def in_child(contender: str, options: argparse.Namespace) -> Run:
    command = [sys.executable, "-m", "tests.benchmarks.retrieval", "--alone", contender]
    settings = ["--queries", str(options.queries), "--share", str(options.share)]
    child = subprocess.run([*command, *settings], cwd=ROOT, capture_output=True, text=True, check=True)
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
        f"{options.queries:,} queries x {GALLERY:,} gallery images x {DIMENSIONS} dimensions, "
        f"median of {options.rounds}; the loop's time is that of {counted} queries, scaled"
    )
    for name in CONTENDERS:
        print(f"  {name:12}{seconds[name]:8.2f} s{megabytes[name]:10,.0f} MB at most")
    print(f"  speed       {ratio:8.2f} times    (at least {AT_LEAST:g}; memory below {BELOW_MB:,.0f} MB)")
    map_found = runs["ours"][0].metrics["map"]
    print(f"  difference  {difference:8.0e} at most, where map is {map_found:.3f}    (at most 1e-12)")
    return ratio >= AT_LEAST and megabytes["ours"] < BELOW_MB and difference <= 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--share", type=float, default=0.1, help="of the queries, that the loop gets")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each")
    parser.add_argument("--alone", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(vars(run_alone(options.alone, options.queries, options.share))))
        return 0
    runs: dict[str, list[Run]] = {name: [] for name in CONTENDERS}
    for _ in range(options.rounds):
        for name in CONTENDERS:
            runs[name].append(in_child(name, options))
    return 0 if report(runs, options) else 1


if __name__ == "__main__":
    sys.exit(main())
