"""A folder on this machine or on any file system that pyarrow supports: s3://, gs://, hdfs:// …"""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from platform.storage.disk import StorageError, full_disk, in_a_line, written_to

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
PIECE_BYTES = 8 << 20


@dataclass(frozen=True, order=True)
class Folder:
    """``place``: an absolute path, or a URI that ends with its options (``?endpoint_override=…``).

    Every method raises :class:`StorageError` if the file system does not answer or refuses a write. A folder
    without files counts as missing, as in an object store.
    """

    place: str

    @classmethod
    def of(cls, place: "str | Path | Folder") -> "Folder":
        """From a path, which becomes absolute, from a URI (``file://`` is a path), or from a Folder."""
        if isinstance(place, Folder):
            return place
        parts = urlsplit(str(place))
        if parts.scheme in SCHEMES:
            return cls(urlunsplit(parts._replace(path=parts.path.rstrip("/"))))
        return cls(str(Path(parts.path if parts.scheme == "file" else place).absolute()))

    def __str__(self) -> str:
        return self.place

    def __truediv__(self, name: str) -> "Folder":
        return self._at(f"{self._inside}/{name}")

    def at(self, place: str) -> "Folder":
        """Resolve a relative path against this folder; absolute paths and URIs stay as they are."""
        is_relative = urlsplit(place).scheme not in SCHEMES and not Path(place).is_absolute()
        return self / place if is_relative else Folder.of(place)

    @property
    def parent(self) -> "Folder":
        return self._at(self._inside.rpartition("/")[0])

    @property
    def name(self) -> str:
        return self._inside.rpartition("/")[2]

    @property
    def local(self) -> Path | None:
        """The folder as a path; None if it is remote."""
        return None if urlsplit(self.place).scheme in SCHEMES else Path(self.place)

    def files(self) -> dict[str, int]:
        """Size in bytes of each file in it, by name."""
        return self._tree(recursive=False).get(self, {})

    def has(self, file: str) -> bool:
        return file in self.files()

    def folders(self) -> dict["Folder", dict[str, int]]:
        """The folders in it, sorted by name, each with the sizes of its files."""
        return {folder: files for folder, files in self._tree().items() if folder.parent == self}

    def holders(self, file: str) -> list["Folder"]:
        """The folders at any depth, this one included, that contain a file of that name."""
        return [folder for folder, files in self._tree().items() if file in files]

    def names(self) -> list[str]:
        """Names of the files and folders in it."""
        from pyarrow.fs import FileSelector

        with self._reading():
            return sorted(
                info.base_name
                for info in self._system.get_file_info(FileSelector(self._path, allow_not_found=True))
            )

    def total_bytes(self) -> int:
        """The size of all files in it, at any depth."""
        return sum(sum(files.values()) for files in self._tree().values())

    def read(self, file: str) -> bytes:
        """Read a file; raises FileNotFoundError if there is none."""
        with self._reading(), self._system.open_input_stream(f"{self._path}/{file}") as stream:
            content: bytes = stream.read()
        return content

    def write(self, file: str, content: bytes) -> None:
        with written_to(self.place):
            self._system.create_dir(self._path, recursive=True)
            with self._system.open_output_stream(f"{self._path}/{file}") as stream:
                stream.write(content)

    def fill(self, source: Path, *, last: str) -> None:
        """Replace the content by that of ``source``; ``last``, which marks it complete, is written last."""
        self.delete(first=last)
        files = sorted(source.iterdir(), key=lambda path: path.name == last)
        with written_to(self.place):
            self._system.create_dir(self._path, recursive=True)
            for path in files:
                target = f"{self._path}/{path.name}"
                with path.open("rb") as own, self._system.open_output_stream(target) as there:
                    shutil.copyfileobj(own, there, PIECE_BYTES)

    def delete(self, *, first: str) -> None:
        """Delete the folder; ``first``, the file that marks it complete, is deleted first."""
        with written_to(self.place):
            try:
                if self.has(first):
                    self._system.delete_file(f"{self._path}/{first}")
                self._system.delete_dir(self._path)
            except FileNotFoundError:
                return

    def copied_to(self, target: Path) -> Path:
        """Copy its files into the folder ``target``, which is returned."""
        target.mkdir(parents=True, exist_ok=True)
        for name in self.files():
            source = f"{self._path}/{name}"
            with (
                self._reading(target),
                self._system.open_input_stream(source) as there,
                (target / name).open("wb") as own,
            ):
                shutil.copyfileobj(there, own, PIECE_BYTES)
        return target

    @contextmanager
    def at_hand(self) -> Iterator[Path]:
        """A local path to its files: its own, or a copy that lasts as long as the context."""
        if self.local is not None:
            yield self.local
            return
        with TemporaryDirectory() as copies:
            yield self.copied_to(Path(copies) / self.name)

    def fetched(self) -> Path:
        """A local path to its files; a copy is made once and kept until this process ends."""
        return _copy(self) if self.local is None else self.local

    def opened(self) -> "tuple[FileSystem, str]":
        """Its file system and its path there."""
        return self._system, self._path

    def _at(self, path: str) -> "Folder":
        if self.local is not None:
            return Folder(path or "/")
        return Folder(urlunsplit(urlsplit(self.place)._replace(path=path)))

    @property
    def _inside(self) -> str:
        """The path without the part that names the file system."""
        return self.place if self.local is not None else urlsplit(self.place).path

    @property
    def _system(self) -> "FileSystem":
        return _opened(self._root)[0]

    @property
    def _path(self) -> str:
        """Its path on the file system."""
        return _opened(self._root)[1] + self._inside

    @property
    def _root(self) -> str:
        return "" if self.local is not None else urlunsplit(urlsplit(self.place)._replace(path=""))

    def _tree(self, *, recursive: bool = True) -> dict["Folder", dict[str, int]]:
        """The files of each folder below, and of this one; an object store lists folders with files only."""
        from pyarrow.fs import FileSelector, FileType

        tree: dict[Folder, dict[str, int]] = {}
        base = _opened(self._root)[1]
        selector = FileSelector(self._path, allow_not_found=True, recursive=recursive)
        try:
            with self._reading():
                infos = self._system.get_file_info(selector)
        except NotADirectoryError:
            return {}
        for info in infos:
            inside = info.path.removeprefix(base)
            if info.type == FileType.File:
                folder = self._at(inside.rpartition("/")[0])
                tree.setdefault(folder, {})[info.base_name] = info.size
            elif info.type == FileType.Directory and self.local is not None:
                tree.setdefault(self._at(inside), {})
        return dict(sorted(tree.items()))

    @contextmanager
    def _reading(self, target: Path | None = None) -> Iterator[None]:
        """``target``: the local folder that receives what is read."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            full = target and full_disk(error, target)
            raise StorageError(full or f"{self}: cannot be read: {in_a_line(error)}") from error


@cache
def _opened(root: str) -> "tuple[FileSystem, str]":
    """The file system of ``root``, a URI without a path or "" for this machine, and its path there."""
    from pyarrow.fs import FileSystem, LocalFileSystem

    if not root:
        return LocalFileSystem(), ""
    try:
        system, base = FileSystem.from_uri(root)
    except (OSError, ValueError) as error:
        raise StorageError(f"{root}: {' '.join(str(error).split())}") from error
    return system, base.rstrip("/")


@cache
def _copy(folder: Folder) -> Path:
    copies = Path(mkdtemp(prefix="checkpoint-"))
    atexit.register(shutil.rmtree, copies, ignore_errors=True)
    return folder.copied_to(copies / folder.name)
