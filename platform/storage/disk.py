"""What is left of a disk, and errors that say that it takes nothing more."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from platform.config.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
BLOCK_BYTES = 4096


class StorageError(UserError):
    """What is kept cannot be written or read. It is not a trial's fault, and would meet the next one, too."""


def free_bytes(place: Path) -> int:
    """What the disk has left where ``place`` is, or will be made."""
    there = next(path for path in (place.absolute(), *place.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def full_disk(error: BaseException, place: Path) -> str | None:
    """One line where the error, or one that it comes from, is of a disk that takes no more; else None.

    ``place``: on the disk that is meant where the error names no file.
    """
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, StorageError):
            return str(inner)
        if isinstance(inner, OSError) and inner.errno in FULL:
            return _full(Path(inner.filename) if isinstance(inner.filename, str) else place)
        inner = inner.__cause__ or (None if inner.__suppress_context__ else inner.__context__)
    return None


@contextmanager
def written_to(place: Path | str) -> Iterator[None]:
    """Errors of writing to ``place``, a path or a URI, as StorageError.

    torch's error of a full disk does not say so, which is seen by what is left of it before anything is
    removed again; safetensors', which removes its file, has the number in its words.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if words := _words(error, place):
            raise StorageError(words) from error
        raise


def in_a_line(error: OSError) -> str:
    """pyarrow's errors have no number, and end with what only the server's owner understands."""
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
