"""Keeps the finished parts of a long prediction beside its output, so that a killed one can go on.

A part's name is a digest of everything it depends on: the winner, the layout, and the path, size and date of
each of its images. A part is used again only if predicting again would give the same.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from platform.datasets.images.decode import BadImage
from platform.datasets.sources.source import FolderSource, Source, ZipSource
from platform.storage.whole_files import write_whole


@dataclass(frozen=True)
class Part:
    """``rows``: CSV of some images, in the first part with a header; ``bad``: the unreadable images."""

    rows: str
    bad: tuple[BadImage, ...]


class ResumableOutput:
    """The parts of one output file, in a hidden folder beside it."""

    def __init__(self, output: Path, job: Sequence[str]) -> None:
        """``job``: everything besides the images that decides what is written."""
        self.folder = output.with_name(f".{output.name}.parts")
        self._job = tuple(job)

    def file(self, source: Source, paths: Sequence[str], *, is_first: bool) -> Path:
        """The file that keeps the part of these images."""
        content = json.dumps([self._job, is_first, _state(source, paths)])
        return self.folder / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.json"

    @staticmethod
    def read(file: Path) -> Part | None:
        """None if that part is not done yet."""
        try:
            kept = json.loads(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Part(kept["rows"], tuple(BadImage(**one) for one in kept["bad"]))

    @staticmethod
    def write(file: Path, part: Part) -> None:
        write_whole(file, json.dumps({"rows": part.rows, "bad": [asdict(one) for one in part.bad]}))

    def remove(self) -> None:
        """Delete the parts, once the output is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _state(source: Source, paths: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each path with the size and date of its file, or of the zip that holds it."""
    if isinstance(source, ZipSource):
        return [(path, *_stat(source.path)) for path in paths]
    assert isinstance(source, FolderSource)
    return [(path, *_stat(source.root / path)) for path in paths]


def _stat(file: Path) -> tuple[int, int]:
    """Size and date; -1 if the file is gone or a broken link, which reading it will report."""
    try:
        found = file.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns
