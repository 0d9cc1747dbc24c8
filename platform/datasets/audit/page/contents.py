"""What the page of an audit shows, gathered from the tables of its folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import pandas as pd

from platform.datasets.audit.folder import AuditFolder, Stage, read_table
from platform.datasets.audit.page.class_table import Bin, ClassRow, bins, class_rows
from platform.datasets.audit.page.sections import KindSection, sections_of
from platform.datasets.audit.record import ACCURACY_OF_LEAKS, CAUTION, AuditRecord
from platform.datasets.splits import SPLITS

BUDGET_ROWS: Final = 12
TRAITS: Final = {
    "exif_turned": "turned or mirrored by EXIF, read upright",
    "alpha": "with transparent parts, read on white",
    "animated": "with more than one frame, of which the first is read",
    "sixteen_bit": "with 16 bits a channel, of which the upper 8 are read",
    "grayscale": "with one channel, read as grey",
}
"""Columns of images.parquet that are no faults, in words."""
NOT_DONE: Final = {
    "files": "The files were not looked at.",
    "copies": "Duplicates and leaks were not looked for.",
    "labels": "Labels were not judged.",
    "off_topic": "Off-topic images were not looked for.",
}
"""What is said of a stage that was not done."""


@dataclass(frozen=True)
class PageContents:
    """Everything on the page.

    Attributes:
        faulty: Number of images with a finding.
        traits: What else is to be known of some images, and of how many.
        leak_accuracy: Of a sweep on leaked test images and on others, in words; '' if that is not known.
        budgets: Expected precision and recall by number of images reviewed; None if that is not known.
    """

    record: AuditRecord
    folder: AuditFolder
    splits: dict[str, int]
    readable: int
    faulty: int
    traits: dict[str, int]
    sections: list[KindSection]
    classes: list[ClassRow]
    bins: list[Bin]
    budgets: pd.DataFrame | None
    not_done: list[str]
    leak_accuracy: str


def page_contents(folder: AuditFolder, record: AuditRecord) -> PageContents:
    """Read the tables that there are."""
    images, issues = folder.images(), folder.issues()
    wrong = read_table(folder.wrong_by_class_file) if folder.wrong_by_class_file.exists() else None
    classes = class_rows(images, issues, wrong)
    counts = images["split"].value_counts()
    return PageContents(
        record=record,
        folder=folder,
        splits={split: int(counts[split]) for split in SPLITS if split in counts},
        readable=int(images["readable"].sum()),
        faulty=int(issues["path"].nunique()),
        traits={words: int(images[name].sum()) for name, words in TRAITS.items() if images[name].any()},
        sections=sections_of(folder, images, issues),
        classes=classes,
        bins=bins(classes, record.data["many_shot"], record.data["few_shot"]),
        budgets=_budgets(folder),
        not_done=list(_not_done(record)),
        leak_accuracy=str(record.notes.get("copies", {}).get(ACCURACY_OF_LEAKS, "")),
    )


def _budgets(folder: AuditFolder) -> pd.DataFrame | None:
    """Some rows of the table of budgets, evenly chosen by the logarithm of their size."""
    if not folder.budgets_file.exists():
        return None
    table = read_table(folder.budgets_file).sort_values("images")
    places = np.geomspace(1, len(table), BUDGET_ROWS).round().astype(int) - 1
    return table.iloc[np.unique(places)]


def _not_done(record: AuditRecord) -> Iterator[str]:
    for stage in get_args(Stage):
        if stage not in record.stages:
            yield NOT_DONE[stage]
        elif refused := record.notes.get(stage, {}).get("refused"):
            yield f"{NOT_DONE[stage]} Reason: {refused}."
        if caution := str(record.notes.get(stage, {}).get(CAUTION, "")):
            yield f"{caution[0].upper()}{caution[1:]}."
