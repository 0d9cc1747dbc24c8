"""Which files are images: by their name's ending, or by their first bytes where that does not say."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from PIL import features

from platform.datasets.remarks import PassedOver

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".tga", ".ppm", ".pgm", ".pbm"),
)
OTHER_ENDINGS = (
    *(".txt", ".csv", ".tsv", ".parquet", ".pq", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".ini", ".cfg"),
    *(".html", ".htm", ".md", ".rst", ".pdf", ".log", ".doc", ".docx", ".xls", ".xlsx", ".url", ".torrent"),
    *(".py", ".ipynb", ".sh", ".m", ".mat", ".npy", ".npz", ".pkl", ".pt", ".pth", ".h5", ".hdf5", ".db"),
    *(".svg", ".psd", ".mp4", ".avi", ".mov", ".mkv", ".webm", ".mp3", ".wav"),
    *(".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"),
    *(".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"),
)
"""Endings of files that are never opened. Those of raw photographs are among them: they look like TIFF."""

HEAD_BYTES = 32
AS_MANY_AT_ONCE = 16  # files whose first bytes are read: on a network drive each takes milliseconds

_IMAGE_INSIDE = re.compile(rf"({'|'.join(map(re.escape, IMAGE_ENDINGS))})(?![a-z0-9])")
_FIRST_BYTES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
)
_AVIF, _HEIF = (b"avif", b"avis"), (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class FileKinds:
    """The files of a source: ``images`` are read, ``passed_over`` are not.

    ``told_by_content``: ending -> number of the images that were told by their first bytes.
    """

    images: tuple[PurePosixPath, ...]
    passed_over: tuple[PassedOver, ...]
    told_by_content: dict[str, int]


def file_kinds(paths: Sequence[str], head: Callable[[str], bytes]) -> FileKinds:
    """Tell images from other files; ``head`` reads a file's first HEAD_BYTES bytes.

    Only files whose ending says nothing are opened.
    """
    images = [path for path in paths if _suffix(path) in IMAGE_ENDINGS]
    others = sorted(set(paths) - set(images))
    unknown = [path for path in others if _suffix(path) not in OTHER_ENDINGS]
    with ThreadPoolExecutor(AS_MANY_AT_ONCE, thread_name_prefix="first-bytes") as pool:
        told = list(pool.map(lambda path: _told(path, head), unknown))
    by_content = [path for path, one in zip(unknown, told, strict=True) if one is None]
    known = [PassedOver(path, ending_of(path), "no image") for path in set(others) - set(unknown)]
    passed_over = sorted([*known, *(one for one in told if one is not None)], key=lambda one: one.path)
    endings = Counter(map(ending_of, by_content))
    return FileKinds(
        tuple(map(PurePosixPath, sorted([*images, *by_content]))),
        tuple(passed_over),
        dict(endings.most_common()),
    )


def _told(path: str, head: Callable[[str], bytes]) -> PassedOver | None:
    """None for an image that can be read."""
    try:
        found = image_format(head(path))
    except OSError as error:
        return PassedOver(path, ending_of(path), f"unreadable: {error.strerror or error}", is_image=True)
    if found is None:
        is_named_so = _IMAGE_INSIDE.search(PurePosixPath(path).name.lower()) is not None
        return PassedOver(path, ending_of(path), "no image", is_image=is_named_so)
    return None if has_decoder(found) else PassedOver(path, ending_of(path), no_decoder(found), is_image=True)


def image_format(head: bytes) -> str | None:
    """The image format that a file's first bytes tell; None if none."""
    for start, name in _FIRST_BYTES:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        brands = [head[place : place + 4] for place in range(8, len(head), 4)]
        if any(brand in _AVIF for brand in brands):
            return "AVIF"
        if any(brand in _HEIF for brand in brands):
            return "HEIC"
    return None


def has_decoder(image_format: str) -> bool:
    if image_format == "AVIF":
        return bool(features.check("avif"))
    return image_format not in ("HEIC", "JPEG XL")


def no_decoder(image_format: str) -> str:
    return f"{image_format}, for which there is no decoder here: convert it to JPEG"


def ending_of(path: str) -> str:
    """What follows the name, in lower case: ``.heic``, ``.jpg_large``, ``.jpg?…``; '' if there is nothing."""
    name, suffix = PurePosixPath(path).name.lower(), _suffix(path)
    inside = _IMAGE_INSIDE.search(name)
    ending = name[inside.start() :] if inside and suffix not in OTHER_ENDINGS else suffix
    before, query, _ = ending.partition("?")
    return before + (f"{query}…" if query else "")


def _suffix(path: str) -> str:
    """As of a PurePosixPath, which would take seconds for a million paths; in lower case."""
    name = path[path.rfind("/") + 1 :]
    place = name.rfind(".")
    return name[place:].lower() if 0 < place < len(name) - 1 else ""
