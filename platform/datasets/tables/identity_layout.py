"""The folders of data for re-identification: what is learnt, what is searched for, and what in."""

from collections.abc import Iterable
from pathlib import PurePosixPath

TRAIN, QUERY, GALLERY = "train", "query", "gallery"
ROLES = (QUERY, GALLERY)
"""What a held-out image is for; a training image's role is ''."""

PARTS = {
    "train": TRAIN,
    "bounding_box_train": TRAIN,
    "query": QUERY,
    "gallery": GALLERY,
    "bounding_box_test": GALLERY,
}
"""How a folder is called -> what it holds; the longer names are those of Market-1501 and DukeMTMC-reID."""

SET_ASIDE = ("gt_bbox", "gt_query")
"""Folders that Market-1501 has besides, of hand-drawn boxes that nobody evaluates with."""

JUNK = "-1"
"""The identity of Market-1501's bad detections: in a gallery neither right nor wrong."""


def is_divided(images: Iterable[PurePosixPath]) -> bool:
    """Whether images lie in folders for training, query and gallery."""
    return {TRAIN, QUERY, GALLERY} <= set(parts_of(images).values())


def parts_of(images: Iterable[PurePosixPath]) -> dict[str, str]:
    """The folders at the top that are known parts, sorted by name -> what each holds."""
    tops = sorted({path.parts[0] for path in images if len(path.parts) > 1})
    return {top: PARTS[top] for top in tops if top in PARTS}
