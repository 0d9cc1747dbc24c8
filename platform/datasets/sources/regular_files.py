"""Read files from anywhere: regular ones only, and no more bytes than the caller allows."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
PIECE_BYTES = 1 << 20
DAMAGED_NAME = "its name holds a byte of zero"


class TooLarge(OSError):
    """A file, or what it unpacks to, is larger than the caller allows."""

    def __init__(self, most: int) -> None:
        super().__init__(f"larger than {most / 1e6:g} MB (data.max_file_mb)")


def read_regular(path: Path, most: int) -> bytes:
    """All bytes of a file; raises OSError if it is missing, no regular file, or longer than ``most`` bytes.

    A pipe would be waited for, a device such as /dev/zero has no end, and opening some devices does things.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) if size <= most else b""
        while size <= most and (more := file.read(PIECE_BYTES)):  # it grows, or lies in /proc, without a size
            content += more
            size = len(content)
    if size > most:
        raise TooLarge(most)
    return content


def head_of_regular(path: Path, count: int) -> bytes:
    """The first ``count`` bytes of a file; raises OSError as :func:`read_regular` does."""
    with _opened(path) as file:
        return file.read(count)


def _opened(path: Path) -> BinaryIO:
    try:
        _refuse_other_kinds(os.stat(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise FileNotFoundError(_absent(path)) from error
    except ValueError as error:
        raise OSError(DAMAGED_NAME) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError("a link that leads back to itself") from error
        raise OSError(error.strerror or str(error)) from error
    file = open(descriptor, "rb")  # noqa: SIM115  # the caller closes it
    try:
        _refuse_other_kinds(os.fstat(descriptor))  # it may have been replaced in between
    except OSError:
        file.close()
        raise
    return file


def _refuse_other_kinds(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")


def _absent(path: Path) -> str:
    return f"a link to {os.readlink(path)}, which is not there" if path.is_symlink() else "not there"
