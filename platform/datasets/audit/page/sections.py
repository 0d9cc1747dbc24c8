"""The sections of the page on kinds of findings: which images are shown, and in which groups."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from platform.datasets.audit.findings import Kind
from platform.datasets.audit.folder import AuditFolder, read_table
from platform.datasets.audit.page.pictures import pictures_of
from platform.datasets.audit.page.words import KIND_WORDS, KindWords
from platform.datasets.errors import counted

SHOWN_IMAGES, SHOWN_GROUPS, SHOWN_OF_A_GROUP, SHOWN_CLASSES = 24, 10, 8, 6
IN_GROUPS: Final = ("duplicate", "near_duplicate", "conflicting_labels", "placeholder", "leak")
"""Kinds whose images are shown in their groups."""


@dataclass(frozen=True)
class Card:
    """One image as the page shows it; ``picture`` is '' if it cannot be read."""

    path: str
    label: str
    split: str
    picture: str
    why: str
    suggestion: str


@dataclass(frozen=True)
class Group:
    """Images that belong together, under one title; ``more``: how many are not shown."""

    title: str
    cards: tuple[Card, ...]
    more: int


@dataclass(frozen=True)
class KindSection:
    """One kind of finding.

    Attributes:
        suggestions: What is suggested -> for how many findings.
        groups: The first groups; of a kind without groups one, without a title.
        all_groups: How many groups there are; 0 of a kind without.
    """

    kind: Kind
    words: KindWords
    findings: int
    images: int
    suggestions: dict[str, int]
    groups: tuple[Group, ...]
    all_groups: int


@dataclass(frozen=True)
class _Part:
    """What becomes a group: rows with ``path``, ``why`` and ``suggestion``; ``more``: rows left out."""

    title: str
    rows: pd.DataFrame
    more: int


def sections_of(folder: AuditFolder, images: pd.DataFrame, issues: pd.DataFrame) -> list[KindSection]:
    """One section a kind of which there are findings, in the order of :data:`KIND_WORDS`.

    Args:
        images: images.parquet, at least ``path``, ``label`` and ``split``.
    """
    found = {kind: issues[issues["kind"] == kind] for kind in KIND_WORDS}
    parts = {kind: list(_parts(kind, rows, folder)) for kind, rows in found.items() if len(rows)}
    wanted = {path for some in parts.values() for part in some for path in part.rows["path"]}
    pictures = pictures_of(folder, images["path"], wanted)
    shown = images[images["path"].isin(wanted)]
    about = dict(zip(shown["path"], zip(shown["label"], shown["split"], strict=True), strict=True))
    return [
        KindSection(
            kind=kind,
            words=KIND_WORDS[kind],
            findings=len(found[kind]),
            images=int(found[kind]["path"].nunique()),
            suggestions=dict(Counter(found[kind]["suggestion"].str.partition(":")[0]).most_common()),
            groups=tuple(_group(part, about, pictures) for part in some),
            all_groups=int(found[kind]["group"].nunique()) if kind in IN_GROUPS else 0,
        )
        for kind, some in parts.items()
    ]


def _parts(kind: Kind, found: pd.DataFrame, folder: AuditFolder) -> Iterator[_Part]:
    if kind in IN_GROUPS:
        yield from _in_groups(found)
    elif kind == "off_topic" and folder.halves_file.exists():
        yield from _by_halves(found, read_table(folder.halves_file))
    else:
        yield _Part("", found.head(SHOWN_IMAGES), max(len(found) - SHOWN_IMAGES, 0))


def _in_groups(found: pd.DataFrame) -> Iterator[_Part]:
    """The surest groups first."""
    for name in found["group"].drop_duplicates().head(SHOWN_GROUPS):
        rows = found[found["group"] == name].drop_duplicates("path").sort_values("path", kind="stable")
        title = f"{name}: {counted(len(rows), 'image')}"
        yield _Part(title, rows.head(SHOWN_OF_A_GROUP), max(len(rows) - SHOWN_OF_A_GROUP, 0))


def _by_halves(found: pd.DataFrame, halves: pd.DataFrame) -> Iterator[_Part]:
    """Both groups of the classes that fall most clearly into two; then what is far from its own class."""
    classes = halves.sort_values("separation", ascending=False, kind="stable")["label"].drop_duplicates()
    for name in classes.head(SHOWN_CLASSES):
        inside = halves[halves["label"] == name]
        smaller = found[found["path"].isin(inside["path"][inside["half"] == "smaller"])]
        larger = inside[inside["half"] == "larger"].assign(why="", suggestion="")
        for rows, which in ((smaller, "smaller"), (larger, "larger")):
            title = f"{name}: the {which} group, {counted(len(rows), 'image')}"
            yield _Part(title, rows.head(SHOWN_OF_A_GROUP), max(len(rows) - SHOWN_OF_A_GROUP, 0))
    far = found[~found["path"].isin(halves["path"][halves["half"] == "smaller"])]
    if len(far):
        title = f"Far from the rest of their class: {counted(len(far), 'image')}"
        yield _Part(title, far.head(SHOWN_IMAGES), max(len(far) - SHOWN_IMAGES, 0))


def _in_words(suggestion: str) -> str:
    """What is to be done; which picture another is merged with is in ``why``."""
    verb, _, rest = suggestion.partition(":")
    return {"relabel": f"relabel as {rest}", "look": ""}.get(verb, verb)


def _group(part: _Part, about: Mapping[Any, tuple[Any, Any]], pictures: Mapping[str, str]) -> Group:
    cards = []
    for path, why, suggestion in part.rows[["path", "why", "suggestion"]].itertuples(index=False):
        label, split = about[path]
        cards.append(
            Card(
                path=path,
                label="" if label is None else str(label),
                split=str(split),
                picture=pictures.get(path, ""),
                why=why,
                suggestion=_in_words(suggestion),
            )
        )
    return Group(part.title, tuple(cards), part.more)
