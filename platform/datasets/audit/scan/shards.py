"""The pass in parts: which images belong to a shard, its file's name, its columns, whether it is done."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from platform.datasets.audit.scan.one_image import Row
from platform.datasets.audit.scan.stamps import stamps
from platform.datasets.geometry import KeptSize
from platform.datasets.sources.source import Source
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file

MEASURES_VERSION: Final = 1
"""Raise it when a column's meaning changes: shards of before are then made anew."""
MEAN_IMAGES, MOST_IMAGES = 1_000, 4_000
"""Images of a shard: on average, and at most."""

SHARD: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("readable", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("ends_early", pa.bool_(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("pixels", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("ending", pa.string(), nullable=False),
        *(
            pa.field(name, pa.bool_(), nullable=False)
            for name in ("exif_turned", "alpha", "animated", "sixteen_bit", "grayscale")
        ),
        *(
            pa.field(name, pa.float64(), nullable=False)
            for name in ("dark", "light", "blurry", "low_information", "odd_shape")
        ),
        *(
            pa.field(name, pa.uint64(), nullable=False)
            for name in ("phash", "phash_mirrored", "dhash", "dhash_mirrored")
        ),
        pa.field("picture", pa.binary()),
    ]
)
"""The columns of a shard: what is in the file alone, not its label."""


@dataclass(frozen=True)
class Shard:
    """Some consecutive images of the listing; ``file`` exists if they are done."""

    file: Path
    paths: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        return self.file.is_file()

    def write(self, rows: Sequence[Row]) -> None:
        with whole_file(self.file) as draft, written_to(self.file):
            pq.write_table(pa.Table.from_pylist(list(rows), schema=SHARD), draft, compression="zstd")


def plan_shards(folder: Path, source: Source, paths: Sequence[str], reading: KeptSize) -> list[Shard]:
    """The shards of these paths, which are sorted.

    A shard is named after what it is made from: its paths, the stamps of their files, the limits of reading.
    So what has changed is found by its name alone. A shard ends where a path's own hash says so: an image
    more or less changes one shard, not all behind it.
    """
    limits = [MEASURES_VERSION, reading.bits, reading.max_pixels, reading.max_bytes]
    planned = []
    for part in _parts(paths):
        told = json.dumps([limits, part, list(stamps(source, part))])
        name = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        planned.append(Shard(folder / f"{name}.parquet", tuple(part)))
    return planned


def remove_others(folder: Path, shards: Sequence[Shard]) -> None:
    """Remove shards of images that have changed, and drafts of a pass that was killed."""
    kept = {shard.file.name for shard in shards}
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()


def _parts(paths: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for path in paths:
        part.append(path)
        if _ends_a_part(path) or len(part) == MOST_IMAGES:
            yield part
            part = []
    if part:
        yield part


def _ends_a_part(path: str) -> bool:
    digest = hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % MEAN_IMAGES == 0
