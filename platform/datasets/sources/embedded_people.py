"""The embedded data set for re-identification: drawn people, each seen by four cameras.

The set trains within seconds and is hard for the same reasons as real sets: many people share clothes of few
colours; cameras see people from the front, the back, the side and above, with different light, colours,
backgrounds and sharpness; and some people are partly hidden. The layout is that of Market-1501: distractors
(0000) and bad detections (-1) are in the gallery. An image is a function of its path.
"""

import io
from dataclasses import dataclass
from functools import cache

from PIL import Image

from platform.datasets.data_config import FIGURES
from platform.datasets.sources.people_drawing import CAMERAS, draw

NAME = FIGURES
LEARNT, HELD_OUT = 64, 36  # identities: 0001 to 0064, 0065 to 0100
TAKES = 3  # images of an identity by a camera, of which one is the query
DISTRACTORS, JUNK = 40, 20


@dataclass(frozen=True)
class Shot:
    """One image: ``person`` by ``camera`` (from 1), the ``take``-th time (from 1)."""

    person: int
    camera: int
    take: int
    is_junk: bool = False


@cache
def shots() -> dict[str, Shot]:
    """Path -> what it shows. Distractors and junk are people who appear in one image only."""
    by_path: dict[str, Shot] = {}
    for person in range(1, LEARNT + HELD_OUT + 1):
        for camera in range(1, CAMERAS + 1):
            for take in range(1, TAKES + 1):
                part = "train" if person <= LEARNT else "query" if take == 1 else "gallery"
                by_path[_path(part, f"{person:04d}", camera, take)] = Shot(person, camera, take)
    strangers = LEARNT + HELD_OUT + 1
    for number in range(DISTRACTORS + JUNK):
        is_junk = number >= DISTRACTORS
        camera, take = number % CAMERAS + 1, number // CAMERAS + 1
        path = _path("gallery", "-1" if is_junk else "0000", camera, take)
        by_path[path] = Shot(strangers + number, camera, take, is_junk)
    return by_path


def png(path: str) -> bytes:
    """The image at ``path`` as a PNG file; raises FileNotFoundError if there is none."""
    shot = shots().get(path)
    if shot is None:
        raise FileNotFoundError(f"the figures hold no {path}")
    file = io.BytesIO()
    picture = draw(shot.person, shot.camera, shot.take, cut_off=shot.is_junk)
    Image.fromarray(picture).save(file, "png", compress_level=1)
    return file.getvalue()


def _path(part: str, identity: str, camera: int, take: int) -> str:
    return f"{part}/{identity}/{identity}_c{camera}_{take:02d}.png"
