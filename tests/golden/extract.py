"""Take the golden numbers that the tests need out of the authors' published losses' inputs and outputs.

    .venv/bin/python tests/golden/extract.py ../shared/golden/losses.npz ../shared/golden/losses2.npz

writes losses.npz and network_parts.npz beside this file: the named cases, unchanged (the README there says
what they are).
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
    "gce": 2,
    "gce_truncated": 2,
    "sce": 2,
    "coteaching": 3,
    "jocor": 3,
    "decoupling": 3,
    "elr": 2,
    "sop": 5,
    "sed_selection": 6,
    "sed_weight": 2,
    "dividemix_gmm": 2,
    "dividemix_targets": 2,
    "dividemix_loss": 3,
    "negative_entropy": 1,
    "focal": 4,
    "class_weighted_ce": 2,
    "ldam": 3,
    "logit_adjustment": 2,
    "am_softmax": 2,
    "mixup_smoothed": 2,
}
NETWORK_PARTS = {"gem": 6}


def main(*sources: str) -> None:
    for file, counts in (("losses.npz", KEPT), ("network_parts.npz", NETWORK_PARTS)):
        cases = {f"{name}_{number}" for name, count in counts.items() for number in range(count)}
        kept = {}
        for published in map(np.load, sources):
            kept |= {key: published[key] for key in published.files if key.split("/")[0] in cases}
        np.savez_compressed(Path(__file__).with_name(file), **kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
