"""Sources of image files: a folder, a zip file read in place, or an embedded data set.

A source is cheap to pickle (it carries no listing and no file handle); many threads and processes may read it
at once. Paths are relative to the source's root and use ``/``.
"""

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from platform.config.errors import did_you_mean
from platform.datasets.errors import DataError
from platform.datasets.geometry import MAX_BYTES
from platform.datasets.sources import embedded_digits, embedded_people
from platform.datasets.sources.file_kinds import HEAD_BYTES, FileKinds, file_kinds
from platform.datasets.sources.folder_walk import Walk, is_file, is_visible, walk
from platform.datasets.sources.manifest_facts import ManifestFacts, is_manifest, read_facts
from platform.datasets.sources.regular_files import head_of_regular, read_regular
from platform.datasets.sources.zip_archive import Archive

TABLES = (".csv", ".parquet", ".pq")


class Source(ABC):
    """A named set of files. ``name`` is what the user wrote; errors quote it."""

    name: str
    table: str | None = None
    """The table's path, if the user named a table as the source."""

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """All files, sorted, without hidden ones and what macOS adds to a zip."""

    @abstractmethod
    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        """A file's bytes; raises OSError if it is missing, damaged, no file, or has more than ``most``."""

    def head(self, path: str) -> bytes:
        """A file's first bytes; raises OSError like :meth:`read`."""
        return self.read(path)[:HEAD_BYTES]

    @cached_property
    def kinds(self) -> FileKinds:
        """Which of ``files`` are images; opens those whose names do not say."""
        return file_kinds(self.files, self.head)

    @abstractmethod
    def missing(self, paths: Sequence[str]) -> list[str]:
        """The ``paths`` that are not files here, in their order."""

    @cached_property
    def top(self) -> tuple[str, ...]:
        """Names of the files and folders at the root, sorted."""
        return tuple(sorted({path.split("/", 1)[0] for path in self.files}))

    @property
    def same_folders(self) -> tuple[tuple[str, ...], ...]:
        """Groups of folders that are one, because some of them are links."""
        return ()

    def __str__(self) -> str:
        return self.name


class FolderSource(Source):
    """A local folder, or a table in one. Follows links to folders."""

    def __init__(self, root: Path, name: str, table: str | None = None) -> None:
        self.root, self.name, self.table = root, name, table

    @cached_property
    def files(self) -> tuple[str, ...]:
        return self._walk.files

    @property
    def same_folders(self) -> tuple[tuple[str, ...], ...]:
        return self._walk.same_folders

    @cached_property
    def _walk(self) -> Walk:
        return walk(str(self.root))

    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        return read_regular(self.root / path, most)

    def head(self, path: str) -> bytes:
        return head_of_regular(self.root / path, HEAD_BYTES)

    def missing(self, paths: Sequence[str]) -> list[str]:
        listings: dict[str, set[str]] = {}

        def is_missing(path: str) -> bool:
            folder, name = os.path.split(path)  # a Path for each of ten million paths takes minutes
            if folder not in listings:
                listings[folder] = _names_of_files(self.root / folder)
            return name not in listings[folder]

        return [path for path in paths if is_missing(path)]

    def __reduce__(self) -> tuple[type["FolderSource"], tuple[Path, str, str | None]]:
        return FolderSource, (self.root, self.name, self.table)


class ZipSource(Source):
    """A zip file, read in place. Paths leave out folders that wrap the whole content."""

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
        names = (name for name in self._archive.names if all(map(is_visible, name.split("/"))))
        return tuple(sorted(names))

    def _wrapping(self) -> str:
        """The wrapping folders from the top down: each is alone at its level and holds a folder or table."""
        paths = [PurePosixPath(name).parts for name in self._visible]
        prefix = ""
        while paths and len({path[0] for path in paths}) == 1 and all(len(path) > 1 for path in paths):
            inner = [path[1:] for path in paths]
            if all(len(path) == 1 and not path[0].lower().endswith(TABLES) for path in inner):
                break
            prefix += paths[0][0] + "/"
            paths = inner
        return prefix

    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        return self._archive.read(self.prefix + path, most)

    def head(self, path: str) -> bytes:
        return self._archive.head(self.prefix + path, HEAD_BYTES)

    def missing(self, paths: Sequence[str]) -> list[str]:
        names = self._archive.names
        return [path for path in paths if self.prefix + path not in names]

    def __reduce__(self) -> tuple[type["ZipSource"], tuple[Path, str, str]]:
        return ZipSource, (self.path, self.name, self.prefix)


class DigitsSource(Source):
    """scikit-learn's scans of handwritten digits (8x8 px, 1,797 of them) as PNG files."""

    name = embedded_digits.NAME

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(embedded_digits.path(index) for index in range(len(self.labels)))

    @property
    def labels(self) -> list[str]:
        return embedded_digits.labels()

    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        return embedded_digits.png(path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        return [path for path in paths if path not in self.files]

    def __reduce__(self) -> tuple[type["DigitsSource"], tuple[()]]:
        return DigitsSource, ()


class FiguresSource(Source):
    """Drawn figures of people under four cameras (64x32 px, 1,260 of them) as PNG files."""

    name = embedded_people.NAME

    @cached_property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(embedded_people.shots()))

    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        return embedded_people.png(path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        return [path for path in paths if path not in embedded_people.shots()]

    def __reduce__(self) -> tuple[type["FiguresSource"], tuple[()]]:
        return FiguresSource, ()


class ManifestSource(Source):
    """The images that a manifest lists, read from the source that it names."""

    def __init__(self, file: Path, name: str, facts: ManifestFacts, inner: Source) -> None:
        self.file, self.name, self.facts, self.inner = file, name, facts, inner
        self.table = file.name

    @property
    def files(self) -> tuple[str, ...]:
        return self.inner.files

    @property
    def kinds(self) -> FileKinds:
        return self.inner.kinds

    def read(self, path: str, most: int = MAX_BYTES) -> bytes:
        return self.inner.read(path, most)

    def head(self, path: str) -> bytes:
        return self.inner.head(path)

    def missing(self, paths: Sequence[str]) -> list[str]:
        return self.inner.missing(paths)

    def __str__(self) -> str:
        return f"{self.name} (images of {self.inner})"

    def __reduce__(self) -> tuple[type["ManifestSource"], tuple[Path, str, ManifestFacts, Source]]:
        return ManifestSource, (self.file, self.name, self.facts, self.inner)


EMBEDDED: dict[str, Callable[[], Source]] = {source.name: source for source in (DigitsSource, FiguresSource)}
"""The data sets that come with the project, by name."""


def open_source(text: str) -> Source:
    """Open the source that ``data.source`` names; raises :class:`DataError` if there is none."""
    if text in EMBEDDED:
        return EMBEDDED[text]()
    path = Path(text).expanduser().absolute()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"data.source: {text} does not exist: {_nearest(path)}") from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"data.source: {text} cannot be opened: {why}") from error
    if stat.S_ISDIR(mode):
        return FolderSource(path, text)
    if not stat.S_ISREG(mode):
        raise DataError(f"data.source: {text} is neither a file nor a folder, but a pipe or a device")
    if path.suffix.lower() in TABLES[1:] and is_manifest(path):
        return _of_manifest(path, text)
    if path.suffix.lower() in TABLES:
        return FolderSource(path.parent, text, table=path.name)
    if path.suffix.lower() == ".zip":
        return ZipSource(path, text)
    raise DataError(
        f"data.source: {text} is a file, but not a .zip, .csv or .parquet; name one of these or a folder"
    )


def _of_manifest(file: Path, name: str) -> ManifestSource:
    facts = read_facts(file)
    place = facts.place(file)
    if place not in EMBEDDED and not Path(place).exists():
        raise DataError(
            f"data.source: {name} lists images of {place}, which does not exist: move them back, or make "
            "the manifest again"
        )
    return ManifestSource(file, name, facts, open_source(place))


def _nearest(path: Path) -> str:
    parent = path.parent
    while not parent.exists():
        path, parent = parent, parent.parent
    if not parent.is_dir():
        return f"{parent} is a file"
    names = [entry for entry in os.listdir(parent) if is_visible(entry)]
    return f"{parent} holds no {path.name!r}{did_you_mean(path.name, names)}"


def _names_of_files(folder: Path) -> set[str]:
    """Empty if the folder is missing or is a file; raises :class:`DataError` if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if is_file(entry)}
    except PermissionError as error:
        raise DataError(f"data.source: the folder {folder} cannot be listed: {error.strerror}") from error
    except (OSError, ValueError):  # missing, a file, or a name that no folder can have
        return set()
