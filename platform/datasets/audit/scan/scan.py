"""The pass over all images of a listing: ``images.parquet``, ``thumbnails.parquet``, findings ``files``."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.scan.file_findings import file_findings
from platform.datasets.audit.scan.measures import odd_size
from platform.datasets.audit.scan.one_image import READING, Row
from platform.datasets.audit.scan.shards import MEASURES_VERSION, SHARD, Shard, plan_shards, remove_others
from platform.datasets.audit.scan.workers import Looking, looked_at
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import Listing
from platform.datasets.tables.table_files import MISSING
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file

Progress = Callable[[int, int], None]
"""Called with (images done, images in total)."""

LABELS = ("label", "clean", "split", "role")
"""Columns of the listing, as text; ``clean`` and ``role`` may be missing."""


@dataclass(frozen=True)
class ScanOptions:
    """``min_side``: images with a shorter side (px) are *tiny*; None: 48, unless most images are so small."""

    min_side: int | None = None


@dataclass(frozen=True)
class ScanPlan:
    """What the pass will do.

    Attributes:
        digest: Of all that the tables rest on: paths, labels, splits, stamps of the files, options.
    """

    shards: tuple[Shard, ...]
    digest: str

    @property
    def images(self) -> int:
        return sum(len(shard.paths) for shard in self.shards)

    @property
    def images_done(self) -> int:
        return sum(len(shard.paths) for shard in self.shards if shard.is_done)


def plan_scan(folder: AuditFolder, listing: Listing, config: DataConfig, options: ScanOptions) -> ScanPlan:
    """Which shards there are to be, some of them done; opens no image and writes nothing."""
    paths = listing.rows["path"].tolist()
    shards = plan_shards(folder.shards, listing.source, paths, config.reading(READING))
    sha = hashlib.sha256(json.dumps([MEASURES_VERSION, options.min_side]).encode())
    sha.update(json.dumps([shard.file.name for shard in shards]).encode())
    sha.update(labels_of(listing).to_csv(index=False).encode("utf-8", "surrogateescape"))
    return ScanPlan(tuple(shards), sha.hexdigest())


def scan(
    folder: AuditFolder,
    listing: Listing,
    config: DataConfig,
    options: ScanOptions,
    progress: Progress | None = None,
) -> None:
    """Look at each image that no shard has yet, then write the tables and the findings.

    Killed at any time, it goes on with the next shard, and the tables are the same to the byte.
    """
    plan = plan_scan(folder, listing, config, options)
    _look_at(plan, Looking(listing.source, config.reading(READING)), progress)
    _write_thumbnails(folder, plan.shards)
    images = _images_table(plan.shards, labels_of(listing))
    with whole_file(folder.images_file) as draft, written_to(folder.images_file):
        pq.write_table(images, draft, compression="zstd")
    folder.write_findings("files", file_findings(images.to_pandas(), options.min_side))
    remove_others(folder.shards, plan.shards)


def labels_of(listing: Listing) -> pd.DataFrame:
    """The listing's columns that images.parquet has, in its order.

    With ``data.noise`` from a column the given label of a training image is that column's, as for a sweep.
    """
    rows = listing.rows
    if "noisy" in rows:
        rows = rows.assign(label=rows["label"].where(rows["split"] != "train", rows["noisy"]))
    if "clean" not in rows:
        rows = rows.assign(clean=MISSING)
    names = ["path", "label", "clean", "split", *(name for name in ("camera", "role") if name in rows)]
    return rows[names]


def _look_at(plan: ScanPlan, job: Looking, progress: Progress | None) -> None:
    todo = [shard for shard in plan.shards if not shard.is_done]
    paths = [path for shard in todo for path in shard.paths]
    done = plan.images_done

    def counted() -> Iterator[Row]:
        nonlocal done
        for rows in looked_at(job, paths):
            yield from rows
            done += len(rows)
            if progress is not None:
                progress(done, plan.images)

    rows = counted()
    for shard in todo:
        shard.write([row for _, row in zip(shard.paths, rows, strict=False)])


def _write_thumbnails(folder: AuditFolder, shards: Sequence[Shard]) -> None:
    """One row group a shard, so that a few pictures are read without the others."""
    schema = pa.schema([SHARD.field("path"), SHARD.field("picture")])
    with (
        whole_file(folder.thumbnails_file) as draft,
        written_to(folder.thumbnails_file),
        pq.ParquetWriter(draft, schema, compression="none") as writer,
    ):
        for shard in shards:
            writer.write_table(pq.read_table(shard.file, columns=schema.names))


def _images_table(shards: Sequence[Shard], labels: pd.DataFrame) -> pa.Table:
    names = [name for name in SHARD.names if name not in ("path", "picture")]
    found = pa.concat_tables([pq.read_table(shard.file, columns=names) for shard in shards])
    columns = {"path": pa.array(labels["path"], pa.string())}
    for name in LABELS:
        if name in labels:
            text = labels[name].to_numpy(dtype=object)
            columns[name] = pa.array(text, pa.string(), mask=text == MISSING)
    if "camera" in labels:
        columns["camera"] = pa.array(labels["camera"].to_numpy(np.int64))
    columns |= {name: found.column(name) for name in names}
    columns["odd_size"] = _odd_size(found)
    return pa.table(columns)


def _odd_size(found: pa.Table) -> pa.Array:
    is_readable = found.column("readable").to_numpy()
    value_N = np.full(len(is_readable), np.nan)
    width_N, height_N = (found.column(name).to_numpy()[is_readable] for name in ("width", "height"))
    value_N[is_readable] = odd_size(width_N, height_N)
    return pa.array(value_N)
