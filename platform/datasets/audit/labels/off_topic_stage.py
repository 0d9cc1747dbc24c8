"""The stage ``off_topic``: images that may not belong to their class, for a person to look at."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from platform.datasets.audit.findings import SCHEMA, findings_table
from platform.datasets.audit.folder import AuditFolder, read_table, write_table
from platform.datasets.audit.labels.evidence import NEEDED, LabelledRows, labelled_rows
from platform.datasets.audit.labels.off_topic import Halves, find_halves
from platform.datasets.audit.labels.stage import TABLE

Notes = dict[str, float | str | int]

HALVES: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("half", pa.string(), nullable=False),
        pa.field("separation", pa.float64(), nullable=False),
        pa.field("distance", pa.float64(), nullable=False),
    ]
)
"""Columns of halves.parquet; ``half``: ``larger`` or ``smaller``."""


def find_off_topic(folder: AuditFolder) -> Notes:
    """Write findings ``off_topic``, halves.parquet and the column ``off_topic`` of label_scores.parquet.

    The suggestion is always ``look``: the smaller group may be another view of the same thing. Without
    embeddings nothing is found, and the note ``refused`` says so.
    """
    if not folder.embeddings_file.exists():
        folder.halves_file.unlink(missing_ok=True)
        folder.write_findings("off_topic", findings_table([]))
        return {"refused": "there is no embedding: name a sweep or local weights"}
    images = folder.images(NEEDED)
    rows = labelled_rows(images)
    embeddings = np.load(folder.embeddings_file, mmap_mode="r")[rows.rows_R]
    found = find_halves(embeddings, rows.labels_R, len(rows.classes))
    table = _table(images, rows, found)
    divided = found.separation_C[rows.labels_R]
    is_divided = table["label"].isin(table["label"][found.is_other_N]).to_numpy()
    halves = table[is_divided].assign(
        half=np.where(found.is_other_N, "smaller", "larger")[is_divided], separation=divided[is_divided]
    )
    write_table(folder.halves_file, halves[HALVES.names], HALVES)
    folder.write_findings("off_topic", _findings(table, found))
    _fill_scores(folder, table)
    return {
        "classes": len(rows.classes),
        "divided": int(table["label"][found.is_other_N].nunique()),
        "in_smaller_half": int(found.is_other_N.sum()),
        "far": int(found.is_far_N.sum()),
    }


def _table(images: pd.DataFrame, rows: LabelledRows, found: Halves) -> pd.DataFrame:
    """``score``: half the share of the class that is nearer to others; in a smaller half 0.5 more."""
    names = np.array(rows.classes, dtype=object)
    table = pd.DataFrame(
        {
            "path": images["path"].iloc[rows.rows_R].to_numpy(dtype=object),
            "label": names[rows.labels_R],
            "distance": found.distance_N,
        }
    )
    rank = table.groupby("label", sort=False)["distance"].rank(method="average", pct=True).to_numpy()
    return table.assign(score=np.where(found.is_other_N, 0.5 + rank / 2, rank / 2))


def _findings(table: pd.DataFrame, found: Halves) -> pd.DataFrame:
    listed = table.assign(other=found.is_other_N, far=found.is_far_N)[found.is_other_N | found.is_far_N]
    sizes = table["label"].value_counts()
    others = table["label"][found.is_other_N].value_counts()
    why = [
        f"the images of {one.label} fall into two groups; this is one of {others[str(one.label)]:,} in the "
        f"smaller of them"
        if one.other
        else f"farther from its most similar images than is usual among the {sizes[str(one.label)]:,} of "
        f"{one.label} (1 - cosine: {one.distance:.2f})"
        for one in listed.itertuples()
    ]
    rows = {
        "path": listed["path"],
        "kind": "off_topic",
        "score": listed["score"],
        "group": None,
        "suggestion": "look",
        "why": why,
    }
    return pd.DataFrame(rows, columns=SCHEMA.names).sort_values(
        ["score", "path"], ascending=[False, True], ignore_index=True
    )


def _fill_scores(folder: AuditFolder, table: pd.DataFrame) -> None:
    if folder.label_scores_file.exists():
        scores = read_table(folder.label_scores_file)
        by_path = table.set_index("path")["score"]
        scores["off_topic"] = scores["path"].map(by_path).to_numpy(dtype=np.float64)
        write_table(folder.label_scores_file, scores, TABLE)
