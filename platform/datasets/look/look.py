"""What the platform sees in a source: layout, classes, splits, files, sizes, duplicates. Trains nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.data_config import DataConfig
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size
from platform.datasets.images.decode import Progress
from platform.datasets.look.opened import THUMBNAIL, Opened, open_images
from platform.datasets.preparation.class_codes import sorted_names
from platform.datasets.preparation.listing import Listing, list_images, load_reader
from platform.datasets.remarks import Remarks
from platform.datasets.splits import SPLITS
from platform.datasets.tables.table_files import MISSING

SUSPICIOUS = {
    *("unknown", "other", "others", "misc", "none", "null", "nan", "untitled", "new folder", "temp", "tmp"),
    *("trash", "duplicates", "thumbnails", "thumbs", "backup", "old", "copy", "cache", "errors", "unsorted"),
}
"""Names of folders that seldom are classes."""


@dataclass(frozen=True)
class ClassCount:
    """A class: its images by split, and how many of them were opened and could be read."""

    name: str
    images: dict[str, int]
    opened: int
    readable: int

    @property
    def total(self) -> int:
        return sum(self.images.values())


@dataclass(frozen=True)
class Duplicates:
    """Files with the same content, among those that were opened.

    Attributes:
        groups: The paths of each content that occurs more than once.
        between_splits: Groups that lie in more than one split.
        between_labels: Groups that have more than one label.
    """

    groups: tuple[tuple[str, ...], ...]
    between_splits: int
    between_labels: int

    @property
    def surplus(self) -> int:
        """Files beyond the first of each content."""
        return sum(len(group) - 1 for group in self.groups)


@dataclass(frozen=True)
class Look:
    """What was seen. ``why``: one sentence on the layout; ``opened``: the images that were read whole.

    ``kept``: how they were read.
    """

    source: str
    reader: str
    why: str
    images: int
    splits: dict[str, int]
    classes: tuple[ClassCount, ...]
    unlabelled: int
    opened: tuple[Opened, ...]
    duplicates: Duplicates
    suspicious: tuple[str, ...]
    val_share: float
    remarks: Remarks
    kept: KeptSize

    @property
    def bad(self) -> list[Opened]:
        return [one for one in self.opened if one.reason]

    @property
    def sizes(self) -> list[Size]:
        """Sizes of the opened images, the smallest area first."""
        return sorted((one.size for one in self.opened if one.size), key=lambda size: size.area)

    @property
    def formats(self) -> dict[str, int]:
        return dict(Counter(one.format for one in self.opened if one.format).most_common())

    @property
    def unreadable_classes(self) -> list[str]:
        """Classes of which all images were opened and none can be read."""
        return [one.name for one in self.classes if one.opened == one.total and not one.readable]


def look(config: DataConfig, *, limit: int | None, progress: Progress | None = None) -> tuple[Listing, Look]:
    """Look at ``config.source``, opening at most ``limit`` of its images, the classes in turn; None: all.

    Raises :class:`DataError` for what no sweep could use either.
    """
    listing = list_images(config)
    rows = listing.rows
    label = rows["clean"].where(rows["label"] == MISSING, rows["label"]) if "clean" in rows else rows["label"]
    rows = rows.assign(label=label)
    chosen = in_turn(rows)[:limit]
    kept = config.reading(KeptSize.exactly(THUMBNAIL))
    opened = open_images(listing.source, rows["path"].iloc[chosen].tolist(), kept, progress)
    named = rows[rows["label"] != MISSING]
    counts = named["split"].value_counts()
    return listing, Look(
        source=config.source,
        reader=listing.reader,
        why=_why(listing, named),
        images=len(rows),
        splits={split: int(counts[split]) for split in SPLITS if split in counts},
        classes=_classes(named, rows.iloc[chosen], opened),
        unlabelled=len(rows) - len(named),
        opened=tuple(opened),
        duplicates=_duplicates(rows.iloc[chosen], opened),
        suspicious=_suspicious(named["label"].unique().tolist()),
        val_share=config.val_share,
        remarks=listing.remarks,
        kept=kept,
    )


def in_turn(rows: pd.DataFrame) -> Ints:
    """All rows in random order, but every class of a split once before any class twice."""
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = rows[["split", "label"]].iloc[order]
    turns = shuffled.groupby(["split", "label"]).cumcount().to_numpy()
    return np.asarray(order[np.argsort(turns, kind="stable")], dtype=np.int64)


def _why(listing: Listing, named: pd.DataFrame) -> str:
    example = named.iloc[0] if len(named) else listing.rows.iloc[0]
    return f"{load_reader(listing.reader).LAYOUT}; so {example['path']} is of class {example['label']}"


def _classes(named: pd.DataFrame, chosen: pd.DataFrame, opened: Sequence[Opened]) -> tuple[ClassCount, ...]:
    by_split = named.groupby(["label", "split"]).size()
    seen = Counter(chosen["label"])
    readable = Counter(label for label, one in zip(chosen["label"], opened, strict=True) if not one.reason)
    names = sorted_names({str(name) for name in named["label"].unique()})
    return tuple(
        ClassCount(
            name,
            {split: int(by_split[name, split]) for split in SPLITS if (name, split) in by_split.index},
            seen[name],
            readable[name],
        )
        for name in names
    )


def _duplicates(chosen: pd.DataFrame, opened: Sequence[Opened]) -> Duplicates:
    frame = chosen.assign(digest=[one.digest for one in opened])
    frame = frame[(frame["digest"] != "") & frame["digest"].duplicated(keep=False)]
    groups = [group for _, group in frame.groupby("digest", sort=False)]
    return Duplicates(
        groups=tuple(tuple(sorted(group["path"])) for group in groups),
        between_splits=sum(group["split"].nunique() > 1 for group in groups),
        between_labels=sum(group["label"].nunique() > 1 for group in groups),
    )


def _suspicious(labels: Sequence[str]) -> tuple[str, ...]:
    """One sentence for each class whose name seldom is one, or differs from another by its case only."""
    found = [f"the class {name} has a name that seldom is a class" for name in labels if _is_odd(str(name))]
    cases: dict[str, list[str]] = {}
    for name in map(str, labels):
        cases.setdefault(name.casefold(), []).append(name)
    alike = [sorted(names) for names in cases.values() if len(names) > 1]
    return tuple(found + [f"the classes {' and '.join(names)} differ by upper case only" for names in alike])


def _is_odd(name: str) -> bool:
    return name.strip().casefold().strip("_") in SUSPICIOUS or name.startswith("__")
