"""Take the golden numbers that the tests need out of the authors' published losses' inputs and outputs.

    .venv/bin/python tests/golden/extract.py ../shared/golden/losses.npz

writes losses.npz beside this file: the named cases, unchanged (its README there says what they are).
"""

import sys
from pathlib import Path

import numpy as np

CASES = ("peer_0", "peer_1", "peer_2", "balanced_softmax_0", "balanced_softmax_1")


def main(source: str) -> None:
    published = np.load(source)
    kept = {key: published[key] for key in published.files if key.split("/")[0] in CASES}
    np.savez_compressed(Path(__file__).with_name("losses.npz"), **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
