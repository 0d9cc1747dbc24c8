"""Tell whether data have changed since the last time, without opening an image."""

import hashlib
import os
from collections.abc import Iterator, Sequence

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images
from platform.datasets.sources.source import FolderSource, ManifestSource, Source, ZipSource


def signature(config: DataConfig) -> str:
    """SHA-256 of the section, of paths, labels and splits, and of each file's size and time of change.

    Equal signatures mean equal data, as for make and rsync. Files that were touched or copied differ although
    their content may be the same: only :attr:`Data.digest`, which reads them, tells that.

    Raises:
        DataError: as :func:`platform.datasets.preparation.prepare.inspect`.
    """
    listing = list_images(config)
    sha = hashlib.sha256(config.model_dump_json().encode())
    sha.update(listing.rows.to_csv(index=False).encode("utf-8", "surrogateescape"))
    for size, changed_ns in _stamps(listing.source, listing.rows["path"].tolist()):
        sha.update(f"{size} {changed_ns}\n".encode())
    return sha.hexdigest()


def _stamps(source: Source, paths: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Size and time of each file; of a zip itself; none for an embedded set."""
    if isinstance(source, ManifestSource):
        yield from _stamps(source.inner, paths)
    elif isinstance(source, ZipSource):
        stat = os.stat(source.path)
        yield stat.st_size, stat.st_mtime_ns
    elif isinstance(source, FolderSource):
        for path in paths:
            try:
                stat = os.stat(source.root / path)
            except (OSError, ValueError):  # missing, a link to itself, no name of a file
                yield -1, -1
            else:
                yield stat.st_size, stat.st_mtime_ns
