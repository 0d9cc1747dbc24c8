"""Replace files and folders atomically, and read records (JSON) and arrays (.npz) back."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile
from zlib import error as ZlibError

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from platform.config.errors import UserError
from platform.storage.disk import StorageError, in_a_line, written_to

Record = TypeVar("Record")
_DAMAGED = (BadZipFile, ZlibError, ValueError, EOFError, NotImplementedError, KeyError, OverflowError)
"""What reading a damaged zip or array raises."""


def write_whole(file: Path, content: str | bytes) -> None:
    """Replace the file, and make its folder if there is none.

    Whenever the process or the machine dies, the file holds the old content or the new one.

    Raises:
        StorageError: the disk is full, or the file cannot be written; the old one is still there.
    """
    with whole_file(file) as draft, written_to(file):
        draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """A path beside ``file`` to write to; what lies there at the end replaces ``file``.

    An error in the context leaves ``file`` as it was. Raises StorageError where the draft cannot take its
    place; write it in :func:`written_to` to have the same for a full disk.
    """
    draft = _beside(file, "draft")
    with written_to(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield draft
        with written_to(file):
            _sync(draft)
            draft.replace(file)
            _sync(file.parent)
    finally:
        with suppress(OSError):  # a disk that is read-only refuses this, too: the first error says why
            draft.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder``, to be filled with files; it replaces ``folder`` at the end.

    An error in the context leaves ``folder`` as it was. Raises StorageError as :func:`whole_file` does.
    """
    draft, old = _beside(folder, "draft"), _beside(folder, "old")
    shutil.rmtree(draft, ignore_errors=True)
    with written_to(folder):
        draft.mkdir(parents=True)
    try:
        yield draft
        with written_to(folder):
            for path in (*draft.iterdir(), draft):
                _sync(path)
            if folder.exists():
                folder.rename(old)
            try:
                draft.rename(folder)
            except OSError:
                with suppress(OSError):  # none lay there, or the disk refuses this, too
                    old.rename(folder)
                raise
            _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def read_record(file: Path, kind: type[Record]) -> Record | None:
    """The record of type ``kind`` that a JSON file holds; None where there is no file.

    Raises:
        UserError: the file cannot be read, or does not hold such a record.
    """
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"{file}: cannot be read: {in_a_line(error)}") from error
    return parse_record(content, kind, source=str(file))


def parse_record(content: bytes, kind: type[Record], *, source: str) -> Record:
    """The record of type ``kind``, a dataclass or a pydantic model, in JSON that was read from ``source``.

    Raises:
        UserError: it is not JSON, or has other fields or values of other types.
    """
    try:
        known: Any = kind  # a type, which mypy does not know to be hashable
        record: Record = _adapter(known).validate_json(content, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        cause = f"{field}: {first['msg']}" if field else first["msg"]
        raise UserError(f"{source}: cannot be read: {cause}") from error
    return record


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Making one takes milliseconds, and ``--list`` reads thousands of records."""
    return TypeAdapter(kind)


def read_npz(file: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of an .npz file; None where there is none, or one that is damaged.

    Nothing in it is unpickled, and what it says of an array's size is not believed.
    """
    try:
        with ZipFile(BytesIO(file.read_bytes())) as kept:
            if any(one.compress_type != ZIP_STORED for one in kept.infolist()):
                raise BadZipFile("is compressed, as npz() never does")  # and unpacks to any size
            return {name.removesuffix(".npy"): _array(kept.read(name)) for name in kept.namelist()}
    except (FileNotFoundError, *_DAMAGED):
        return None


def _array(content: bytes) -> npt.NDArray[Any]:
    """Raises ValueError for one that is longer or shorter than its head says."""
    file = BytesIO(content)
    read = np.lib.format.read_array_header_1_0
    if np.lib.format.read_magic(file) != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, in_fortran_order, kind = read(file)
    if kind.hasobject:
        raise ValueError("holds objects, which are not unpickled")
    values = np.frombuffer(content, dtype=kind, offset=file.tell()).copy()
    return values.reshape(shape, order="F" if in_fortran_order else "C")


def is_zip(file: Path) -> bool:
    """Whether a file is a zip, as torch writes; one whose end is damaged is none."""
    try:
        return is_zipfile(file)
    except BadZipFile:
        return False


def npz(arrays: Mapping[str, Any]) -> bytes:
    """The content of an .npz file of these arrays."""
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def _beside(path: Path, ending: str) -> Path:
    """Hidden, and named after this process, so that two that write the same path do not meet."""
    return path.with_name(f".{path.name}.{os.getpid()}.{ending}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
