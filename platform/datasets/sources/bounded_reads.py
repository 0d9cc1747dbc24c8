"""A file's bytes for Pillow's parsers, which may read them in only so many pieces.

A parser in Python reads each chunk, marker, comment or byte of a header by itself, so a file of 256 MB that
consists of empty ones holds it for many minutes. Files of cameras and editors have pieces of kilobytes.
"""

import io

READS = 100_000
BYTES_A_READ = 256
"""Of a file with many reads; PNG's pieces have 8 kB, and four reads each."""
PLAIN_COMMENTS = 1_000
PLAIN = (b"P1", b"P2", b"P3")


class ManyPieces(Exception):
    """A file is read in more pieces than an image has."""


class BoundedReads(io.BytesIO):
    """``content``, to be read in at most READS pieces and one more for each BYTES_A_READ bytes.

    Raises:
        ManyPieces: from :meth:`read`, and at once for text (plain PPM) with more than PLAIN_COMMENTS
            comments, for each of which Pillow copies a block.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._left = READS + len(content) // BYTES_A_READ
        if content.startswith(PLAIN) and content.count(b"#") > PLAIN_COMMENTS:
            raise ManyPieces(f"more than {PLAIN_COMMENTS:,} comments")

    def allow(self, reads: int) -> None:
        """Let a format that is decoded in Python be read in so many pieces more."""
        self._left += reads

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise ManyPieces("more chunks, markers or comments than an image has")
        return super().read(size)
