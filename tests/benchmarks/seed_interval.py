"""How often the interval of search.confirm holds the true difference: normal differences between seeds.

``python -m tests.benchmarks.seed_interval``
"""

import itertools

import numpy as np

from reports.ranking.confirmation import bootstrap_interval

TRUTH, REPETITIONS = 0.3, 2000


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The plain bootstrap's interval, of all resamples."""
    places = np.array(list(itertools.product(range(len(values)), repeat=len(values))))
    low, high = np.quantile(values[places].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    random = np.random.default_rng(0)
    for seeds in (2, 3, 5):
        samples = random.normal(TRUTH, 1.0, size=(REPETITIONS, seeds))
        held = [
            np.mean([low <= TRUTH <= high for low, high in map(interval, samples)])
            for interval in (bootstrap_interval, percentiles)
        ]
        print(f"{seeds} seeds: {held[0]:.3f} of {REPETITIONS}, plain percentiles {held[1]:.3f}")


if __name__ == "__main__":
    main()
