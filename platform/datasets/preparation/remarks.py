"""Remarks that follow from the manifest and from decoding. K: readable images."""

from typing import Any

import pandas as pd

from platform.datasets.images.decode import Facts
from platform.datasets.images.normalise import Colour
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.manifest import Manifest
from platform.datasets.tables.table_files import MISSING

CHANNELS = ("red", "green", "blue")
FLAT = 1.0
"""The standard deviation of a channel that has one value everywhere; others have 0.5 at most."""

DARK = 2  # bits that must be unused: images without their brightest quarter are no rare thing


def lost_classes(rows: pd.DataFrame, readable: pd.DataFrame) -> tuple[str, ...]:
    """Classes of training images none of which can be read, sorted."""
    there, left = (set(part["label"][part["split"] == "train"]) - {MISSING} for part in (rows, readable))
    return tuple(sorted(there - left))


def without_validation(manifest: Manifest) -> dict[str, Any]:
    """The number of classes, and those without an image in val; {} for identities, which differ there."""
    there = set(manifest.table["label"][manifest.table["split"] == "val"])
    without = tuple(name for code, name in enumerate(manifest.classes) if code not in there)
    if manifest.held_out or not without:
        return {}
    return {"classes": len(manifest.classes), "classes_without_validation": without}


def copies_under_labels(manifest: Manifest, facts: Facts) -> int:
    """Number of file contents that training images with different given labels share."""
    rows = _with_content(manifest, facts)
    labels = rows[(rows["split"] == "train") & (rows["label"] != UNKNOWN)].groupby("content")["label"]
    return int((labels.nunique() > 1).sum())


def copies_of_training(manifest: Manifest, facts: Facts) -> dict[str, int]:
    """Split -> number of its images whose file content a training image has, too; without those of none."""
    rows = _with_content(manifest, facts)
    learnt = set(rows["content"][rows["split"] == "train"])
    counts = rows["split"][rows["content"].isin(learnt)].value_counts()
    return {split: int(counts[split]) for split in ("val", "test") if split in counts}


def _with_content(manifest: Manifest, facts: Facts) -> pd.DataFrame:
    content = [digest.tobytes() for digest in facts.digests[manifest.kept]]
    return manifest.table[["split", "label"]].assign(content=pd.Series(content, dtype=object))


def flat_channels(std: Colour) -> tuple[str, ...]:
    return tuple(name for name, deviation in zip(CHANNELS, std, strict=True) if deviation == FLAT)


def used_bits(facts: Facts, bits: int) -> int:
    """The bits that images with 16 bits a channel use, if at least DARK of ``bits`` are unused; else 0."""
    used = int(facts.peaks_K.max(initial=0)).bit_length()
    return used if 0 < used <= bits - DARK else 0
