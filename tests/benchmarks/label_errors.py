"""How well wrong labels are found, and whether the precision that is stated is true.

    python -m tests.benchmarks.label_errors [DATA] [--long] [--seeds 3] [--smallest]

DATA is the folder of cifar10n.zip and birds.zip; without it only digits are judged. The audit's combined
score is compared with cleanlab's self-confidence, normalised margin and confident learning, AUM, FINE, votes
of neighbours and prototypes, all on the same features and out-of-fold predictions (softmax regression in four
folds). Of CIFAR-10N the first 6,000 images are judged, all 20,000 with --long. Last come the records
of a training (mean loss and mean margin) with as many seeds as --seeds says; --seeds 0 leaves them out.
"""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from . import label_error_records
from .figures import benchmark_parser, check_possible
from .label_error_cases import cases
from .label_error_scores import OURS, Judged, f1, gain, judged, missed

IMAGES, WORDS = 6000, 200
LONG_IMAGES, LONG_WORDS = 20_000, 400
SHOWN = ("images", "precision", "precision_low", "precision_high", "truth")
STATED_FROM = 100
"""Budgets below this hold too few labels to compare a share with."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument(
        "data", nargs="?", type=Path, metavar="DATA", help="folder of cifar10n.zip, birds.zip"
    )
    parser.add_argument("--long", action="store_true", help="all of CIFAR-10N and twice the features")
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="trainings of each kind (default: 3)"
    )
    options = parser.parse_args(arguments)
    console = Console(width=130)
    size = (LONG_IMAGES, LONG_WORDS) if options.long else (IMAGES, WORDS)
    for case in cases(options.data, *size):
        started = time.monotonic()
        found = judged(case)
        wrong = case.wrong_N
        console.print(
            f"{case.name}: {len(wrong):,} images, {wrong.mean():.1%} wrong, flagging all gives an F1 of "
            f"{2 * wrong.mean() / (1 + wrong.mean()):.3f} ({time.monotonic() - started:.0f} s)"
        )
        console.print(scores(found))
        console.print(stated(found))
    if options.seeds or options.smallest:
        seeds, epochs = (
            (1, label_error_records.SMALLEST_EPOCHS)
            if options.smallest
            else (
                options.seeds,
                label_error_records.EPOCHS,
            )
        )
        console.print(label_error_records.compared(seeds, epochs))
    return 0


def scores(found: Judged) -> Table:
    """Each score's F1 and missed share, and how much better ours is, with 95 % intervals."""
    wrong = found.case.wrong_N
    everything = 2 * wrong.mean() / (1 + wrong.mean())
    table = Table("score", "F1", "above all", "missed", "our F1 less its", "its missed less ours", box=None)
    ours = found.results[OURS]
    for name, own in found.results.items():
        own_f1 = f1(own.listed_N, wrong)
        check_possible({f"F1 of {name}": own_f1 + 1e-9})
        row = [f"{own_f1:.3f}", f"{own_f1 - everything:+.3f}", f"{missed(own.budget_N, wrong):.1%}"]
        if name != OURS:
            low, high = gain(found.case, ours.listed_N, own.listed_N, f1)
            row.append(f"{low:+.3f} … {high:+.3f}")
            low, high = gain(found.case, own.budget_N, ours.budget_N, missed)
            row.append(f"{low:+.1%} … {high:+.1%}")
        table.add_row(name, *row)
    return table


def stated(found: Judged) -> str:
    """What the audit states of its precision, or that it refuses to, beside the truth."""
    rows = found.budgets[found.budgets["images"] >= STATED_FROM]
    inside = ((rows["precision_low"] <= rows["truth"]) & (rows["truth"] <= rows["precision_high"])).mean()
    off = (rows["precision"] - rows["truth"]).abs().max()
    each = ", ".join(
        f"{images:,.0f}: {'not stated' if math.isnan(precision) else f'{precision:.1%}'} "
        f"({low:.1%}–{high:.1%}) {truth:.1%}"
        for images, precision, low, high, truth in rows[list(SHOWN)].to_numpy(dtype=np.float64).tolist()
    )
    off_by = "not stated" if math.isnan(off) else f"off by at most {off:.1%}"
    weights = zip(found.scored.combination.names, found.scored.combination.weights_S, strict=True)
    learnt = ", ".join(f"{name} {weight:.2f}" for name, weight in weights)
    return (
        f"precision stated (interval), true, at each budget: {each}\n"
        f"{off_by}; in the interval at {inside:.0%} of the budgets; predictions miss about "
        f"{found.missed:.0%} of the right labels; weights: {learnt}"
    )


if __name__ == "__main__":
    sys.exit(main())
