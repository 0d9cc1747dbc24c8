"""What cleaning is worth in the end: accuracy on true test labels after ``clean`` and training again.

    python -m tests.benchmarks.cleaning_gain [DATA] [--rows FILE] [--seeds 5] [--only WORDS] [--smallest]

Against the robust method alone, with the same settings and epochs. Each seed draws noise and splits, or the
training images, anew; it trains the method, audits with its embeddings, its margins and networks of folds,
cleans by search_spaces/policies/labels.yaml, and trains the method on the result. DATA is the folder of
cifar10n.zip; without it only digits are judged. A run is a line of FILE as soon as it is done; the same
command goes on where it was ended.
"""

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from .cleaning_gain_runs import Case, Row, as_record, cases, run
from .figures import benchmark_parser, check_possible

METHODS: dict[str, dict[str, Any]] = {
    "cross_entropy": {"name": "cross_entropy"},
    "gce": {"name": "gce", "q": 0.7, "warmup_epochs": 1},
}
IMAGES, EPOCHS = 3000, 15
SMALLEST_EPOCHS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA", help="folder of cifar10n.zip")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="runs that are done, one a line of JSON")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="runs of each kind (default: 5)")
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="cases whose name has these words, such as digits"
    )
    parser.add_argument(
        "--method", choices=METHODS, help="one method only (default: plain cross-entropy and gce)"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        file = options.rows or Path(place) / "rows.jsonl"
        if options.smallest:
            chosen, seeds, methods = list(cases(None, IMAGES, SMALLEST_EPOCHS))[:1], 1, ["gce"]
        else:
            chosen = [one for one in cases(options.data, IMAGES, EPOCHS) if options.only in one.name]
            seeds, methods = options.seeds, [options.method] if options.method else list(METHODS)
        rows = list(measured(chosen, methods, range(seeds), file))
    for row in rows:
        check_possible({f"accuracy of {row.method} on {row.case}": min(row.alone, row.cleaned) + 1e-9})
    Console(width=165).print(table(rows))
    return 0


def measured(chosen: Sequence[Case], methods: Sequence[str], seeds: Iterable[int], file: Path) -> list[Row]:
    """The rows asked for; those that ``file`` has are not run again, the others are added to it."""
    done = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            row = Row(**json.loads(line))
            done[row.case, row.method, row.seed] = row
    found = []
    for seed in seeds:
        for case in chosen:
            for method in methods:
                key = case.name, method, seed
                if key not in done:
                    done[key] = run(case, METHODS[method], seed)
                    with file.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(as_record(done[key])) + "\n")
                found.append(done[key])
    return found


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean, by Student's t; infinite of fewer than two."""
    mean = statistics.mean(differences)
    if len(differences) < 2:
        return -math.inf, math.inf
    half = student.ppf(0.975, len(differences) - 1) * statistics.stdev(differences) / len(differences) ** 0.5
    return mean - half, mean + half


def verdict(low: float, high: float) -> str:
    if low > 0:
        return "gains"
    return "loses" if high < 0 else "nothing beyond noise"


def table(rows: Sequence[Row]) -> Table:
    """By case and method: accuracies, their paired difference, and what cleaning did to the labels."""
    names = ("labels", "method", "runs", "alone", "cleaned", "difference (95 %)", "", "wrong labels learnt")
    result = Table(*names, "changed", "rightly", "audit warned", box=None)
    for case, method in dict.fromkeys((row.case, row.method) for row in rows):
        own = [row for row in rows if (row.case, row.method) == (case, method)]
        low, high = interval([row.cleaned - row.alone for row in own])
        mean = {
            name: statistics.mean(getattr(row, name) for row in own)
            for name in ("alone", "cleaned", "wrong_before", "wrong_after", "changed")
        }
        rightly = [row.changed_rightly for row in own if not math.isnan(row.changed_rightly)]
        result.add_row(
            case,
            method,
            str(len(own)),
            f"{mean['alone']:.3f}",
            f"{mean['cleaned']:.3f}",
            f"{mean['cleaned'] - mean['alone']:+.3f} ({low:+.3f} … {high:+.3f})",
            verdict(low, high),
            f"{mean['wrong_before']:.1%} → {mean['wrong_after']:.1%}",
            f"{mean['changed']:.1%}",
            f"{statistics.mean(rightly):.1%}" if rightly else "–",
            str(sum(row.cautious for row in own)),
        )
    return result


if __name__ == "__main__":
    sys.exit(main())
