"""Free disk space, and errors of a full disk or unwritable place as one line."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from platform.config.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
UNWRITABLE = (errno.EROFS, errno.EPERM, errno.EACCES, errno.EIO, errno.ESTALE, errno.EBUSY)
BLOCK_BYTES = 4096


class StorageError(UserError):
    """A file cannot be written or read. The trial is not to blame, and the next one would fail as well."""


def free_bytes(place: Path) -> int:
    """Free bytes of the disk on which ``place`` is or will be created."""
    there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def size(count: float) -> str:
    """Bytes in words: 3.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def full_disk(error: BaseException, place: Path) -> str | None:
    """Describe a full disk in one line if the error or one of its causes is about one; else None.

    ``place``: a path on that disk, used if the error names no file.
    """
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, StorageError):
            return str(inner)
        if isinstance(inner, OSError) and inner.errno in FULL:
            return _full(Path(inner.filename) if isinstance(inner.filename, str) else place)
        inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)
    return None


def broken_disk(error: BaseException, folder: Path) -> str | None:
    """The same for a folder that cannot be written any more: read-only, or of a file server that fails."""
    if words := full_disk(error, folder):
        return words
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.errno in UNWRITABLE and _names_one_in(folder, inner):
            return f"{inner.filename or folder}: cannot be written: {in_a_line(inner)}"
        inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)
    return None


def _names_one_in(folder: Path, error: OSError) -> bool:
    """Whether the error is of a file below the folder, or of none but can only be about files."""
    if not isinstance(error.filename, str):
        return error.errno in (errno.EROFS, errno.ESTALE)
    return Path(error.filename).absolute().is_relative_to(folder.absolute())


@contextmanager
def written_to(place: Path | str) -> Iterator[None]:
    """Turn errors of writing to ``place``, a path or a URI, into StorageError.

    torch's error does not mention a full disk, so the free space is measured before anything is removed.
    safetensors removes its file, but its error quotes the system's error number.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if words := _words(error, place):
            raise StorageError(words) from error
        raise


def in_a_line(error: OSError) -> str:
    """The cause of an error in one line; pyarrow's have no number, and end with details of the server."""
    return " ".join((error.strerror or str(error)).split()).partition(" (Request ID")[0]


def _words(error: BaseException, place: Path | str) -> str | None:
    if not (isinstance(place, str) and "://" in place):
        if words := full_disk(error, Path(place)):
            return words
        says_so = any(f"os error {one}" in str(error) for one in FULL)
        if says_so or (not isinstance(error, OSError) and free_bytes(Path(place)) < BLOCK_BYTES):
            return _full(Path(place))
    return f"{place}: cannot be written: {in_a_line(error)}" if isinstance(error, OSError) else None


def _full(place: Path) -> str:
    return f"{place}: the disk is full ({free_bytes(place) / 1e6:.1f} MB free): make room there"
