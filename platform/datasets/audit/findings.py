"""What an audit says of images: one row a finding, in the same columns whatever found it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import pandas as pd
import pyarrow as pa

Kind = Literal[
    "unreadable",
    "truncated",
    "wrong_ending",
    "tiny",
    "odd_shape",
    "dark",
    "light",
    "blurry",
    "low_information",
    "duplicate",
    "near_duplicate",
    "conflicting_labels",
    "placeholder",
    "leak",
    "wrong_label",
    "off_topic",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
"""In the order of the page: files, duplicates, leaks, labels."""

SCHEMA: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("group", pa.string()),
        pa.field("suggestion", pa.string()),
        pa.field("why", pa.string(), nullable=False),
    ]
)
"""The columns of issues.parquet and of each stage's own findings."""
MERGE: Final = "merge:"
"""A suggestion: keep the image whose path follows in its place."""


@dataclass(frozen=True)
class Finding:
    """One thing that is, or may be, wrong with one image.

    Attributes:
        score: In [0, 1]: how sure it is; 1 for what is certain (an unreadable file, the same bytes). For
            ``wrong_label`` the probability that the label is wrong, where it was calibrated.
        group: Name of a group of images that belong together (duplicates, a leak); the same in all of them.
        suggestion: What to do: ``drop``, ``unlabel``, ``relabel:CLASS``, ``merge:PATH`` (keep PATH in its
            place), ``look`` (a person should decide).
        why: One sentence with the measure that says so, for people.
    """

    path: str
    kind: Kind
    score: float
    why: str
    suggestion: str = "look"
    group: str | None = None


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """The findings in the columns of :data:`SCHEMA`, sorted: by kind, the surest first, then by path."""
    rows = [(one.path, one.kind, one.score, one.group, one.suggestion, one.why) for one in findings]
    return in_order(pd.DataFrame(rows, columns=SCHEMA.names))


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sorted as :func:`findings_table` says."""
    places = {kind: place for place, kind in enumerate(KINDS)}
    return (
        table.assign(place=table["kind"].map(places))
        .sort_values(["place", "score", "path", "group"], ascending=[True, False, True, True], kind="stable")
        .drop(columns="place")
        .reset_index(drop=True)
    )


def members_of_groups(findings: pd.DataFrame, kinds: Sequence[str]) -> pd.DataFrame:
    """``path``, ``group``, ``score``: the images of the groups of these kinds, each once a group, sorted.

    The image in the middle of a group of copies has no finding of its own: ``merge:PATH`` of the others
    names it.
    """
    own = findings[findings["kind"].isin(kinds) & findings["group"].notna()]
    merged = own[own["suggestion"].str.startswith(MERGE, na=False)]
    kept = merged.assign(path=merged["suggestion"].str.removeprefix(MERGE))
    members: pd.DataFrame = pd.concat([own, kept])[["path", "group", "score"]]
    return members.groupby(["path", "group"], as_index=False).max()
