"""Real photographs with faults of every kind of stage ``files``, planted in a copy."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SPECIES, A_SPECIES = 6, 12
_SMOOTH = np.linspace(0, 160, 64 * 64 * 3).reshape(64, 64, 3)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _turned(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved(image, "JPEG", exif=exif)


FAULTS: dict[str, tuple[str, Callable[[Image.Image], bytes]]] = {
    "cut.jpg": ("truncated", lambda image: _saved(image, "JPEG")[:4000]),
    "page.jpg": ("unreadable", lambda image: b"<!DOCTYPE html><title>404</title>"),
    "empty.jpg": ("unreadable", lambda image: b""),
    "is_a_jpeg.png": ("wrong_ending", lambda image: _saved(image, "JPEG")),
    "nameless": ("wrong_ending", lambda image: _saved(image, "JPEG")),
    "tiny.jpg": ("tiny", lambda image: _saved(image.resize((40, 40)), "JPEG")),
    "strip.jpg": ("odd_shape", lambda image: _saved(image.resize((600, 60)), "JPEG")),
    "dark.jpg": ("dark", lambda image: _saved(image.point(lambda value: value // 8), "JPEG")),
    "light.jpg": ("light", lambda image: _saved(image.point(lambda value: 247 + value // 32), "JPEG")),
    "flat.png": ("low_information", lambda image: _saved(Image.new("RGB", (90, 90), (40, 90, 60)), "PNG")),
    "blurred.png": (
        "blurry",
        lambda image: _saved(Image.fromarray(_SMOOTH.astype(np.uint8)), "PNG"),
    ),
}
"""Name -> the kind of finding, and how a photograph becomes the file."""
TRAITS: dict[str, tuple[str, Callable[[Image.Image], bytes]]] = {
    "turned.jpg": ("exif_turned", _turned),
    "transparent.png": ("alpha", lambda image: _saved(image.convert("RGBA"), "PNG")),
    "grey.jpg": ("grayscale", lambda image: _saved(image.convert("L"), "JPEG")),
    "moving.gif": (
        "animated",
        lambda image: _saved(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
    ),
}
"""Name -> the column that says so, of files that are in order."""


def plant(archive: Path, folder: Path) -> dict[str, str]:
    """Write a few classes of birds.zip and the faults into ``folder``; path -> what was planted there."""
    birds = zipfile.ZipFile(archive)
    names = sorted(name for name in birds.namelist() if name.startswith("train/") and name.endswith(".jpg"))
    species = sorted({name.split("/")[1] for name in names})[:SPECIES]
    for one in species:
        (folder / one).mkdir(parents=True)
        for name in [name for name in names if name.split("/")[1] == one][:A_SPECIES]:
            (folder / one / Path(name).name).write_bytes(birds.read(name))
    photograph = Image.open(io.BytesIO(birds.read(names[0]))).convert("RGB")
    planted = {}
    for place, (name, (kind, made)) in enumerate((FAULTS | TRAITS).items()):
        path = f"{species[place % SPECIES]}/{name}"
        (folder / path).write_bytes(made(photograph))
        planted[path] = kind
    return planted
