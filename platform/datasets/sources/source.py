"""Where an image's bytes come from: a folder, a zip read in place, or what is embedded: digits and figures.

A source is cheap to pickle (it carries no listing and no handle) and may be read from many threads and
processes at once. Paths are relative to the source's root and use ``/``.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from platform.config.errors import did_you_mean
from platform.datasets.sources import embedded_digits as digits_file
from platform.datasets.sources import embedded_people as figures_file
from platform.datasets.sources.zip_archive import Archive
from platform.datasets.errors import DataError

TABLES = (".csv", ".parquet", ".pq")
NOT_THE_USERS = ("__MACOSX",)


class Source(ABC):
    """A named set of files. ``name`` is what the user wrote and what errors quote."""

    name: str
    table: str | None = None
    """The path of the table that the user named itself, where the source is one."""

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """Every visible file, sorted: nothing hidden and nothing that macOS adds to a zip."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """A file's bytes; raises OSError where it is gone or damaged."""

    @abstractmethod
    def missing(self, paths: Sequence[str]) -> list[str]:
        """Those of ``paths`` that are no files here, in their order."""

    @cached_property
    def top(self) -> tuple[str, ...]:
        """The names of the files and folders at the root, sorted."""
        return tuple(sorted({path.split("/", 1)[0] for path in self.files}))

    def __str__(self) -> str:
        return self.name


class FolderSource(Source):
    """A local folder, or a table in one: links to folders are followed, each folder is visited once."""

    def __init__(self, root: Path, name: str, table: str | None = None) -> None:
        self.root, self.name, self.table = root, name, table

    @cached_property
    def files(self) -> tuple[str, ...]:
        found: list[str] = []
        seen: set[str] = set()
        for folder, folders, names in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if _is_visible(name))
            prefix = os.path.relpath(folder, self.root).replace(os.sep, "/") + "/"
            prefix = "" if prefix == "./" else prefix
            found += [prefix + name for name in names if _is_visible(name)]
        return tuple(sorted(found))

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def missing(self, paths: Sequence[str]) -> list[str]:
        listings: dict[Path, set[str]] = {}

        def is_missing(path: str) -> bool:
            file = self.root / path
            if file.parent not in listings:
                listings[file.parent] = _names_of_files(file.parent)
            return file.name not in listings[file.parent]

        return [path for path in paths if is_missing(path)]

    def __reduce__(self) -> tuple[type["FolderSource"], tuple[Path, str, str | None]]:
        return FolderSource, (self.root, self.name, self.table)


class ZipSource(Source):
    """A zip file, read in place. Folders that wrap all of it are left out of the paths."""

    def __init__(self, path: Path, name: str, prefix: str | None = None) -> None:
        self.path, self.name = path, name
        self.prefix = self._wrapping() if prefix is None else prefix

    @property
    def _archive(self) -> Archive:
        return Archive.of(self.path, self.name)

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(path.removeprefix(self.prefix) for path in self._visible)

    @cached_property
    def _visible(self) -> tuple[str, ...]:
        names = (name for name in self._archive.names if all(map(_is_visible, name.split("/"))))
        return tuple(sorted(names))

    def _wrapping(self) -> str:
        """The folders from the top down, each of which is all there is and holds a folder or a table."""
        paths = [PurePosixPath(name).parts for name in self._visible]
        prefix = ""
        while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
            inner = [path[1:] for path in paths]
            if all(len(path) == 1 and not path[0].lower().endswith(TABLES) for path in inner):
                break
            prefix += paths[0][0] + "/"
            paths = inner
        return prefix

    def read(self, path: str) -> bytes:
        return self._archive.read(self.prefix + path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        names = self._archive.names
        return [path for path in paths if self.prefix + path not in names]

    def __reduce__(self) -> tuple[type["ZipSource"], tuple[Path, str, str]]:
        return ZipSource, (self.path, self.name, self.prefix)


class DigitsSource(Source):
    """scikit-learn's scans of handwritten digits (8x8 px, 1,797 of them) as PNG files."""

    name = digits_file.NAME

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(digits_file.path(index) for index in range(len(self.labels)))

    @property
    def labels(self) -> list[str]:
        return digits_file.labels()

    def read(self, path: str) -> bytes:
        return digits_file.png(path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        return [path for path in paths if path not in self.files]

    def __reduce__(self) -> tuple[type["DigitsSource"], tuple[()]]:
        return DigitsSource, ()


class FiguresSource(Source):
    """Drawn figures of people under four cameras (64x32 px, 1,260 of them) as PNG files."""

    name = figures_file.NAME

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(figures_file.shots()))

    def read(self, path: str) -> bytes:
        return figures_file.png(path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        return [path for path in paths if path not in figures_file.shots()]

    def __reduce__(self) -> tuple[type["FiguresSource"], tuple[()]]:
        return FiguresSource, ()


EMBEDDED: dict[str, Callable[[], Source]] = {source.name: source for source in (DigitsSource, FiguresSource)}
"""The names of data sets that come with the project."""


def open_source(text: str) -> Source:
    """The source that ``data.source`` names; raises :class:`DataError` where there is none."""
    if text in EMBEDDED:
        return EMBEDDED[text]()
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise DataError(f"data.source: {text} does not exist: {_nearest(path)}")
    if path.is_dir():
        return FolderSource(path, text)
    if path.suffix.lower() in TABLES:
        return FolderSource(path.parent, text, table=path.name)
    if path.suffix.lower() == ".zip":
        return ZipSource(path, text)
    raise DataError(f"data.source: {text} is a file that is no .zip, .csv or .parquet; a folder works too")


def _nearest(path: Path) -> str:
    parent = path.parent
    while not parent.exists():
        path, parent = parent, parent.parent
    if not parent.is_dir():
        return f"{parent} is a file"
    names = [entry for entry in os.listdir(parent) if _is_visible(entry)]
    return f"{parent} holds no {path.name!r}{did_you_mean(path.name, names)}"


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_THE_USERS


def _names_of_files(folder: Path) -> set[str]:
    """Empty where the folder itself is missing, or a file."""
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_file()}
