"""Folder names of re-identification data: training images, queries and gallery."""

from collections.abc import Iterable
from pathlib import PurePosixPath

TRAIN, QUERY, GALLERY = "train", "query", "gallery"
ROLES = (QUERY, GALLERY)
"""The roles of held-out images; a training image's role is ''."""

PARTS = {
    **dict.fromkeys(("train", "bounding_box_train", "image_train"), TRAIN),
    **dict.fromkeys(("query", "image_query"), QUERY),
    **dict.fromkeys(("gallery", "bounding_box_test", "image_test"), GALLERY),
}
"""Folder name in lower case -> what it holds: names of Market-1501, DukeMTMC-reID and VeRi-776."""

SET_ASIDE = ("gt_bbox", "gt_query")
"""Other folders of Market-1501: hand-drawn boxes, unused in evaluation."""

JUNK = "-1"
"""The identity of Market-1501's bad detections: ignored in a gallery, neither right nor wrong."""


def is_divided(images: Iterable[PurePosixPath]) -> bool:
    """Whether images lie in folders for training, query and gallery."""
    return {TRAIN, QUERY, GALLERY} <= set(parts_of(images).values())


def parts_of(images: Iterable[PurePosixPath]) -> dict[str, str]:
    """The known folders at the top, sorted by name -> what each holds."""
    tops = sorted({path.parts[0] for path in images if len(path.parts) > 1})
    parts = {top: PARTS[top.lower()] for top in tops if top.lower() in PARTS}
    if set(parts.values()) == {TRAIN, QUERY}:  # some call the gallery test
        parts |= {top: GALLERY for top in tops if top.lower() == "test"}
    return parts
