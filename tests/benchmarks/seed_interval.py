"""How often the interval of ``search.confirm`` holds the true difference, compared with plain percentiles.

    python -m tests.benchmarks.seed_interval [--smallest]

The differences between seeds are drawn from a normal distribution. The nominal coverage is 0.95.
"""

import itertools
import sys
from collections.abc import Sequence

import numpy as np

from reports.ranking.paired_bootstrap import bootstrap_interval

from .figures import benchmark_parser, check_possible

TRUTH, REPETITIONS, SMALLEST = 0.3, 2000, 50


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The plain bootstrap's interval from all resamples."""
    places = np.array(list(itertools.product(range(len(values)), repeat=len(values))))
    low, high = np.quantile(values[places].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def main(arguments: Sequence[str] | None = None) -> int:
    options = benchmark_parser(__doc__).parse_args(arguments)
    repetitions = SMALLEST if options.smallest else REPETITIONS
    random = np.random.default_rng(0)
    for seeds in (2, 3, 5):
        samples = random.normal(TRUTH, 1.0, size=(repetitions, seeds))
        held = [
            float(np.mean([low <= TRUTH <= high for low, high in map(interval, samples)]))
            for interval in (bootstrap_interval, percentiles)
        ]
        print(f"{seeds} seeds: {held[0]:.3f} of {repetitions}, plain percentiles {held[1]:.3f}")
        check_possible({"coverage": held[0], "coverage of plain percentiles": held[1]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
