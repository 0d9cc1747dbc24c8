"""Take the golden numbers that the tests need out of the authors' published losses' inputs and outputs.

    .venv/bin/python tests/golden/extract.py ../shared/golden/losses.npz

writes losses.npz beside this file: the named cases, unchanged (its README there says what they are).
"""

import sys
from pathlib import Path

import numpy as np

KEPT = {
    "peer": 3,
    "balanced_softmax": 2,
    "self_refine": 2,
    "co_refine": 2,
    "supcon": 2,
    "simclr": 2,
    "distill_soft_ce": 2,
}
CASES = {f"{name}_{number}" for name, count in KEPT.items() for number in range(count)}


def main(source: str) -> None:
    published = np.load(source)
    kept = {key: published[key] for key in published.files if key.split("/")[0] in CASES}
    np.savez_compressed(Path(__file__).with_name("losses.npz"), **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
