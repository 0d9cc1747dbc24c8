"""What a manifest says of itself in its Parquet metadata: whose images it lists, and how it was made.

A manifest is a Parquet table of paths, labels and splits. It lies anywhere and names the folder, zip, table
or embedded set whose images it lists.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from platform.datasets.errors import DataError
from platform.datasets.sources.regular_files import read_regular
from platform.storage.whole_files import parse_record

KEY: Final = b"data_manifest"
"""Of the metadata; a Parquet file with it is a manifest."""
END: Final = b"PAR1"
FOOTER_BYTES = 64_000_000
"""The longest footer of a table that is looked at for the key."""

MadeBy = Literal["clean", "split", "merge"]


@dataclass(frozen=True)
class ManifestFacts:
    """The metadata of a manifest.

    Attributes:
        source: The source of its images: an absolute path, or the name of an embedded set.
        beside: The same path relative to the manifest's folder; '' for an embedded set.
        section: The data section whose images, labels and splits it holds.
        made_by: The command that wrote it.
        round: The latest round of cleaning in it.
        digest: SHA-256 of its rows.
        policy: The policy's YAML.
        policy_digest: SHA-256 of that; '' without a policy.
    """

    source: str
    beside: str
    made_by: MadeBy
    section: dict[str, Any] = field(default_factory=dict)
    round: int = 0
    digest: str = ""
    policy: str = ""
    policy_digest: str = ""

    def as_metadata(self) -> dict[bytes, bytes]:
        return {KEY: json.dumps(asdict(self), sort_keys=True).encode()}

    def place(self, manifest: Path) -> str:
        """The source, as ``data.source`` names it: where it was, or else as it lies to the manifest."""
        if not self.beside or Path(self.source).exists():
            return self.source
        moved = Path(os.path.normpath(manifest.absolute().parent / self.beside))
        return str(moved) if moved.exists() else self.source


def is_manifest(file: Path) -> bool:
    """Whether a file's Parquet footer has the key; reads no other part of it."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(size - 8, 0))
            end = opened.read(8)
            length = int.from_bytes(end[:4], "little")
            if end[4:] != END or not 0 < length <= min(size - 8, FOOTER_BYTES):
                return False
            opened.seek(size - 8 - length)
            return KEY in opened.read(length)
    except OSError:
        return False  # whoever reads the table says why


def read_facts(file: Path) -> ManifestFacts:
    """The metadata of a manifest; raises :class:`DataError` where it has none or they are damaged."""
    import io

    import pyarrow as pa
    from pyarrow import parquet  # 0.1 s that only a manifest costs

    try:
        metadata = parquet.read_schema(io.BytesIO(read_regular(file, 10**9))).metadata or {}
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"data.source: {file} cannot be read as a manifest: {reason}") from error
    if KEY not in metadata:
        raise DataError(f"data.source: {file} is not a manifest, which data clean or data split writes")
    return parse_record(metadata[KEY], ManifestFacts, source=str(file))
