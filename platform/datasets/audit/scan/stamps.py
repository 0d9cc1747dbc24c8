"""What tells that a file has changed without reading it: size and time, or a zip's own checksum."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from platform.datasets.sources.source import FolderSource, Source, ZipSource
from platform.datasets.sources.zip_archive import Archive

Stamp = tuple[int, int]
_ABSENT: Stamp = (-1, -1)


def stamps(source: Source, paths: Sequence[str]) -> Iterator[Stamp]:
    """One stamp a path: size and time of change of a file; size and CRC-32 of a zip's member.

    Embedded data never change.
    """
    if isinstance(source, FolderSource):
        yield from (_of_file(source.root, path) for path in paths)
    elif isinstance(source, ZipSource):
        members = Archive.of(source.path, source.name).names
        for path in paths:
            member = members.get(source.prefix + path)
            yield (member.file_size, member.CRC) if member is not None else _ABSENT
    else:
        yield from ((0, 0) for _ in paths)


def _of_file(root: Path, path: str) -> Stamp:
    try:
        stat = os.stat(os.path.join(root, path))
    except (OSError, ValueError):  # missing, a link to itself, no name of a file
        return _ABSENT
    return stat.st_size, stat.st_mtime_ns
