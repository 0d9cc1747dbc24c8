"""Read a zip file from many threads at once, without extracting it.

:class:`zipfile.ZipFile` parses the directory (zip64 and self-extracting archives included). Members are
read here: the compressed bytes under a short lock, then inflated outside it. One ZipFile per thread would
parse the directory once per thread, which takes seconds for a million images.
"""

import os
import struct
import threading
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from platform.datasets.errors import DataError
from platform.datasets.sources.regular_files import TooLarge

LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, lengths of the name and of the extra field
DEFLATE_HEADER = 1024  # more than the code tables at the start of deflated data take
ENCRYPTED = 0x1
UTF_8 = 0x800
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

MAX_DIRECTORY_BYTES = 256_000_000
"""Of the list of files at a zip's end, which is read whole: about two million files."""
MAX_NAME = 1_024
"""Characters of a file's path."""
END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
TAIL_BYTES = 66_000  # the end record and the longest comment behind it


class Archive:
    """An open zip file; ``names`` maps the path of each file (not folder) to its entry."""

    def __init__(self, path: Path, name: str) -> None:
        try:
            self._file = open(path, "rb")  # noqa: SIM115  # kept open; closed with the object
            self._size = os.fstat(self._file.fileno()).st_size
            _refuse_long_directory(self._file, self._size, name)
            with zipfile.ZipFile(self._file) as archive:
                members = [info for info in archive.infolist() if not info.filename.endswith("/")]
        except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OverflowError, OSError) as error:
            raise DataError(f"data.source: {name} is not a zip file, or is truncated ({error})") from error
        except NotImplementedError as error:
            raise DataError(
                f"data.source: {name} cannot be read in place ({error}): extract it first"
            ) from error
        if not members:
            raise DataError(f"data.source: {name} is an empty zip file")
        if sum(info.compress_size for info in members) > self._size:
            raise DataError(
                f"data.source: {name} is refused as a zip bomb: the files in it take more room than it has"
            )
        for info in members:
            if not info.filename:
                raise DataError(f"data.source: {name} is damaged: it holds a file without a name")
            if len(info.filename) > MAX_NAME:
                raise DataError(
                    f"data.source: {name} holds a file whose path has {len(info.filename):,} characters; "
                    f"{MAX_NAME:,} are the most"
                )
            if info.flag_bits & ENCRYPTED:
                raise DataError(f"data.source: {name} is encrypted ({info.filename}): extract it first")
            if info.compress_type not in METHODS:
                raise DataError(
                    f"data.source: {name}: {info.filename} is compressed with method {info.compress_type}; "
                    "only stored and deflated files can be read in place: extract it first"
                )
        self.names = {_name(info): info for info in members}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, path: Path, name: str) -> "Archive":
        """This process's archive at ``path``, reopened if the file changed or the process forked."""
        stat = os.stat(path)
        return _opened(path, name, (stat.st_mtime_ns, stat.st_size), os.getpid())

    def read(self, name: str, most: int) -> bytes:
        """A member's bytes; raises OSError if it is missing, damaged, or unpacks to more than ``most``."""
        info = self._member(name)
        if max(info.file_size, info.compress_size) > most:
            raise TooLarge(most)
        packed = self._packed(info, info.compress_size)
        is_packed = info.compress_type == zipfile.ZIP_DEFLATED
        content = _unpacked(packed, info.file_size + 1) if is_packed else packed
        if len(content) != info.file_size:
            raise OSError("damaged in the zip file: of another length than its directory says")
        if zlib.crc32(content) != info.CRC:
            raise OSError("damaged in the zip file: wrong checksum")
        return content

    def head(self, name: str, size: int) -> bytes:
        """A member's first ``size`` bytes, without a check of its sum; raises OSError if it is missing."""
        info = self._member(name)
        packed = self._packed(info, min(info.compress_size, size + DEFLATE_HEADER))
        if info.compress_type != zipfile.ZIP_DEFLATED:
            return packed[:size]
        return _unpacked(packed, size)

    def _member(self, name: str) -> zipfile.ZipInfo:
        info = self.names.get(name)
        if info is None:
            raise FileNotFoundError(f"no {name} in the zip file")
        return info

    def _packed(self, info: zipfile.ZipInfo, size: int) -> bytes:
        """The first ``size`` compressed bytes of a member."""
        if not 0 <= info.header_offset < self._size:
            raise OSError("damaged in the zip file: its directory names a place outside")
        with self._lock:
            self._file.seek(info.header_offset)
            signature, name_bytes, extra_bytes = LOCAL_HEADER.unpack(self._read(LOCAL_HEADER.size))
            self._file.seek(name_bytes + extra_bytes, os.SEEK_CUR)
            packed = self._read(size)
        if signature != b"PK\x03\x04":
            raise OSError("damaged in the zip file: no header where its directory says")
        return packed

    def _read(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise OSError("damaged in the zip file: it ends early")
        return content

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


def _unpacked(packed: bytes, most: int) -> bytes:
    """At most ``most`` bytes, whatever there would be."""
    try:
        return zlib.decompressobj(-15).decompress(packed, most)
    except zlib.error as error:
        raise OSError(f"damaged in the zip file: {error}") from error


def _refuse_long_directory(file: BinaryIO, size: int, name: str) -> None:
    """Raise :class:`DataError` for a zip whose list of files would take gigabytes of memory."""
    file.seek(max(size - TAIL_BYTES, 0))
    tail = file.read()
    place = tail.rfind(END)
    if place < 0 or len(tail) < place + 22:
        return  # zipfile says what it is
    directory = struct.unpack_from("<L", tail, place + 12)[0]
    big = tail.rfind(END_64, 0, place)
    if tail[max(place - 20, 0) :].startswith(LOCATOR_64) and big >= 0 and len(tail) >= big + 56:
        directory = max(struct.unpack_from("<Q", tail, big + 40)[0], 0)
    if min(directory, size) > MAX_DIRECTORY_BYTES:
        raise DataError(
            f"data.source: {name}: its list of files takes {directory / 1e6:,.0f} MB, and "
            f"{MAX_DIRECTORY_BYTES / 1e6:,.0f} MB are the most that is read in place: extract it first"
        )


def _name(info: zipfile.ZipInfo) -> str:
    """The member's path. Macs write UTF-8 without the flag that says so, which zipfile reads as cp437."""
    name = info.filename
    if not info.flag_bits & UTF_8 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except ValueError:
            return info.filename.replace("\\", "/")  # another old encoding, which nothing names
    return name.replace("\\", "/")


@lru_cache(maxsize=4)
def _opened(path: Path, name: str, stamp: tuple[int, int], pid: int) -> Archive:
    return Archive(path, name)
