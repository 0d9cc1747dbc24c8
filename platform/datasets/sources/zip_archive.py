"""A zip file that many threads read at once without extracting it.

:class:`zipfile.ZipFile` parses the directory (zip64 and self-extracting archives included). Members are
read here: the compressed bytes under a lock, which is short, and inflated outside it. A ZipFile a thread
would parse the directory once for each, which takes seconds for a million images.
"""

import os
import struct
import threading
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path

from platform.datasets.errors import DataError

LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, …, lengths of the name and of the extra field
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """An open zip file: ``names`` (of files, not folders) -> where they are."""

    def __init__(self, path: Path, name: str) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [info for info in archive.infolist() if not info.is_dir()]
        except (zipfile.BadZipFile, struct.error, ValueError) as error:
            raise DataError(f"data.source: {name} is not a zip file, or cut off ({error})") from error
        if not members:
            raise DataError(f"data.source: {name} is an empty zip file")
        for info in members:
            if info.flag_bits & ENCRYPTED:
                raise DataError(f"data.source: {name} is encrypted ({info.filename}): extract it first")
            if info.compress_type not in METHODS:
                raise DataError(
                    f"data.source: {name}: {info.filename} is compressed with method {info.compress_type}; "
                    "only stored and deflated files can be read in place: extract it first"
                )
        self.names = {info.filename.replace("\\", "/"): info for info in members}
        self._file = open(path, "rb")  # noqa: SIM115  # kept open; closed with the object
        self._lock = threading.Lock()

    @classmethod
    def of(cls, path: Path, name: str) -> "Archive":
        """This process's archive at ``path``, opened again where the file changed or the process forked."""
        stat = os.stat(path)
        return _opened(path, name, (stat.st_mtime_ns, stat.st_size), os.getpid())

    def read(self, name: str) -> bytes:
        """A member's bytes; raises OSError where there is none or its checksum is wrong."""
        info = self.names.get(name)
        if info is None:
            raise FileNotFoundError(f"no {name} in the zip file")
        with self._lock:
            self._file.seek(info.header_offset)
            signature, name_bytes, extra_bytes = LOCAL_HEADER.unpack(self._read(LOCAL_HEADER.size))
            self._file.seek(name_bytes + extra_bytes, os.SEEK_CUR)
            packed = self._read(info.compress_size)
        if signature != b"PK\x03\x04":
            raise OSError("damaged in the zip file: no header where its directory says")
        try:
            content = zlib.decompress(packed, -15) if info.compress_type == zipfile.ZIP_DEFLATED else packed
        except zlib.error as error:
            raise OSError(f"damaged in the zip file: {error}") from error
        if zlib.crc32(content) != info.CRC:
            raise OSError("damaged in the zip file: wrong checksum")
        return content

    def _read(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise OSError("damaged in the zip file: it ends early")
        return content

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()


@lru_cache(maxsize=4)
def _opened(path: Path, name: str, stamp: tuple[int, int], pid: int) -> Archive:
    return Archive(path, name)
