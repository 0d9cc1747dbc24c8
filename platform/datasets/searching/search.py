"""Search an audit for images that look like examples of noise, and keep what was found as findings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from platform.config.errors import UserError
from platform.datasets.audit.findings import SCHEMA, Finding, findings_table
from platform.datasets.audit.folder import AuditFolder, write_table
from platform.datasets.cleaning.clean import finished
from platform.datasets.searching.likeness import likeness
from platform.datasets.searching.seeds import Seeds, find_seeds

GROUP: Final = "search:"
EXAMPLE = "one of the examples"


@dataclass(frozen=True)
class Found:
    """``table``: ``path``, ``label``, ``split``, ``score``, ``nearest`` (the example); the likest first.

    The examples that are images of the audit lead, with score 1. ``more``: images above the threshold that
    are left out for --most. ``threshold``: the least score. ``by``: what was compared, in words.
    """

    name: str
    table: pd.DataFrame
    seeds: Seeds
    more: int
    threshold: float
    by: str

    @property
    def group(self) -> str:
        return f"{GROUP}{self.name}"


def search(folder: AuditFolder, place: Path, threshold: float | None, most: int) -> Found:
    """The ``most`` images with the highest scores from ``threshold`` on (None: ``Likeness.threshold``);
    writes nothing.

    Raises UserError for an unfinished audit and for examples that cannot be used.
    """
    finished(folder)
    images = folder.images(["path", "label", "split", "sha256"])
    seeds = find_seeds(place, images)
    if not folder.embeddings_file.exists() and not (folder.thumbnails_file).exists():
        raise UserError(f"{folder.thumbnails_file}: is missing: audit again")
    found = likeness(folder, seeds)
    threshold = found.threshold if threshold is None else threshold
    is_seed = np.zeros(len(images), dtype=bool)
    is_seed[seeds.rows] = True
    candidates = np.flatnonzero(found.known_N & ~is_seed & (found.scores_N >= threshold))
    ordered = candidates[np.argsort(-found.scores_N[candidates], kind="stable")]
    chosen = ordered[:most]
    rows = np.concatenate([seeds.rows, chosen])
    scores = np.concatenate([np.ones(len(seeds.rows)), np.clip(found.scores_N[chosen], 0, 1)])
    names = np.array(seeds.names, dtype=object)
    own = np.full(len(seeds.rows), EXAMPLE, dtype=object)
    nearest = np.concatenate([own, names[found.nearest_N[chosen]]])
    table = images[["path", "label", "split"]].iloc[rows].reset_index(drop=True)
    table = table.assign(score=scores.astype(np.float64), nearest=nearest)
    return Found(place.stem, table, seeds, len(ordered) - len(chosen), threshold, found.by)


def keep_findings(folder: AuditFolder, found: Found) -> Path:
    """Write what was found as findings for a policy, in place of those of an earlier search of that name."""
    file = folder.path / "findings" / "search" / f"{found.name}.parquet"
    rows = found.table.to_dict("records")
    findings = [
        Finding(row["path"], "off_topic", row["score"], _why(row, found), "look", found.group) for row in rows
    ]
    write_table(file, findings_table(findings), SCHEMA)
    return file


def _why(row: Mapping[Any, Any], found: Found) -> str:
    if row["nearest"] == EXAMPLE:
        return f"given as an example of {found.name}"
    return f"similarity to {row['nearest']} by {found.by}: {row['score']:.2f}"
