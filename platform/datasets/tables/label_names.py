"""Labels that a person takes for one name, though their characters differ."""

import unicodedata

import pandas as pd

from platform.datasets.tables.table_files import MISSING

COLUMNS = ("label", "clean", "noisy")


def normal_form(label: str) -> str:
    """Unicode's NFC, without blanks at the ends, and one blank in place of several or of other kinds."""
    return " ".join(unicodedata.normalize("NFC", label).split())


def look_alikes(rows: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Groups of labels with one normal form, sorted."""
    groups: dict[str, set[str]] = {}
    for name in _names(rows):
        groups.setdefault(normal_form(name), set()).add(name)
    return tuple(tuple(sorted(group)) for _, group in sorted(groups.items()) if len(group) > 1)


def normalised(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows with all labels in their normal form, and the number of names that changed."""
    changed = {name: normal_form(name) for name in _names(rows) if normal_form(name) != name}
    if not changed:
        return rows, 0
    columns = {column: rows[column].replace(changed) for column in COLUMNS if column in rows}
    return rows.assign(**columns), len(changed)


def _names(rows: pd.DataFrame) -> set[str]:
    columns = [column for column in COLUMNS if column in rows]
    return {str(name) for column in columns for name in rows[column].unique()} - {MISSING}
