"""Manifests as tables: their columns, and how they are written and read whole."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from platform.config.errors import UserError
from platform.datasets.sources.manifest_facts import MadeBy, ManifestFacts, is_manifest, read_facts
from platform.datasets.sources.source import EMBEDDED
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file

Action = Literal["keep", "drop", "relabel", "unlabel", "weight", "merge"]
ACTIONS: Final[tuple[Action, ...]] = ("drop", "merge", "relabel", "unlabel", "weight", "keep")
"""In the order in which they are listed."""
LEFT_OUT: Final = ("drop", "merge")
PERSON, POLICY = "person", "policy"

COLUMNS: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("action", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("round", pa.int32(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("given", pa.string()),
        pa.field("by", pa.string(), nullable=False),
    ]
)
"""``given``: the label before all cleaning; ``by``: policy or person; '' where nothing was done."""
TRUE_LABELS: Final = pa.field("clean", pa.string())
OF_IDENTITIES: Final = (pa.field("camera", pa.int64()), pa.field("role", pa.string()))


@dataclass(frozen=True)
class ManifestTable:
    """``rows``: one an image, sorted by path, in the columns of :data:`COLUMNS`."""

    rows: pd.DataFrame
    facts: ManifestFacts

    @property
    def learnt(self) -> pd.DataFrame:
        """The rows that ``data.source`` reads."""
        return self.rows[~self.rows["action"].isin(LEFT_OUT)]


def as_given(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a manifest that changes nothing, from ``path``, ``label`` and ``split``."""
    return rows.assign(given=rows["label"], action="keep", reason="", score=0.0, round=0, weight=1.0, by="")


def facts_for(
    source: str, file: Path, section: dict[str, Any], made_by: MadeBy, *, round: int = 0, policy: str = ""
) -> ManifestFacts:
    """The metadata of a manifest ``file`` of ``source``, as ``data.source`` names it."""
    is_file = source not in EMBEDDED
    place = os.path.abspath(os.path.expanduser(source)) if is_file else source
    return ManifestFacts(
        source=place,
        beside=os.path.relpath(place, file.absolute().parent) if is_file else "",
        made_by=made_by,
        section=section,
        round=round,
        policy=policy,
        policy_digest=hashlib.sha256(policy.encode()).hexdigest() if policy else "",
    )


def write_manifest(file: Path, rows: pd.DataFrame, facts: ManifestFacts) -> ManifestTable:
    """Write a manifest whole or not at all; the same rows and facts give the same bytes."""
    rows = rows.sort_values("path", ignore_index=True)
    more = [TRUE_LABELS] if "clean" in rows and rows["clean"].notna().any() else []
    more += list(OF_IDENTITIES) if "camera" in rows and (rows["camera"] >= 0).any() else []
    schema = pa.schema([*COLUMNS, *more])
    rows = rows[schema.names]
    facts = replace(facts, digest=digest_of(rows))
    arrow = pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
    arrow = arrow.replace_schema_metadata(facts.as_metadata())
    with whole_file(file) as draft, written_to(file):
        pq.write_table(arrow, draft, compression="zstd")
    return ManifestTable(rows, facts)


def read_manifest(file: Path) -> ManifestTable:
    """Raises UserError where there is no such file, or it is no manifest."""
    if not file.is_file():
        raise UserError(f"{file}: is missing: there is no such manifest")
    if not is_manifest(file):
        raise UserError(f"{file}: is no manifest, which data clean or data split writes")
    facts = read_facts(file)
    try:
        rows: pd.DataFrame = pq.read_table(file).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error
    if lacking := [name for name in COLUMNS.names if name not in rows]:
        raise UserError(f"{file}: is no whole manifest: it lacks the column {lacking[0]}")
    texts = ["label", "given", *(["clean"] if "clean" in rows else [])]
    rows[texts] = rows[texts].astype(object).where(rows[texts].notna(), None)
    return ManifestTable(rows, facts)


def digest_of(rows: pd.DataFrame) -> str:
    """SHA-256 of the rows, whatever version of Parquet holds them."""
    sha = hashlib.sha256()
    for start in range(0, len(rows), BLOCK):
        text = rows.iloc[start : start + BLOCK].to_csv(index=False, na_rep="\0", lineterminator="\n")
        sha.update(text.encode("utf-8", "surrogateescape"))
    return sha.hexdigest()


BLOCK = 100_000
"""Rows whose text is held at a time."""


def is_taken(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows no longer are training images of the class that they were given."""
    return rows["action"].isin(LEFT_OUT) | (rows["label"].fillna("") != rows["given"].fillna(""))


def counts_by_action(rows: pd.DataFrame) -> dict[str, int]:
    counts = rows["action"].value_counts()
    return {action: int(counts[action]) for action in ACTIONS if action in counts}
