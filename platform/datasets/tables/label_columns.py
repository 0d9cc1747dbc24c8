"""Pick the columns of given, true and noisy labels from a table."""

from collections.abc import Collection

import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.data_config import ColumnNoise, DataConfig
from platform.datasets.errors import DataError, listed
from platform.datasets.tables.table_files import MISSING

DEFAULT_LABEL = "label"
FLAGS = ("0", "1", "true", "false", "t", "f", "yes", "no", "y", "n")
RARELY = 0.5
"""Below this share of equal values, a column of FLAGS does not hold true labels of classes called so."""
USUAL_CLEAN_LABEL = "clean"
"""A column of this name may hold true labels; it is announced, and used only if data.clean_label says so."""


def pick_labels(table: pd.DataFrame, config: DataConfig, *, where: str, trains: bool) -> pd.DataFrame:
    """The columns ``label``, ``clean`` (if there) and ``noisy`` (for noise from a column).

    ``trains``: whether the table holds training rows. Only these get noise and must have given labels; in
    other tables the true label replaces a missing column. ``where`` names the table in errors.
    """
    has_label = config.label in table
    has_clean = config.clean_label is not None and config.clean_label in table
    if not has_label and (trains or not has_clean):
        raise _no_column("data.label", config.label, table, where, hint=_hint_of_clean(table, trains))
    if trains and not has_clean and config.clean_label is not None:
        raise _no_column("data.clean_label", str(config.clean_label), table, where)
    picked = pd.DataFrame(index=table.index)
    picked["label"] = table[config.label if has_label else config.clean_label]
    if has_clean:
        picked["clean"] = table[config.clean_label]
        _refuse_flags(picked, str(config.clean_label), where)
    if trains and isinstance(config.noise, ColumnNoise):
        if config.noise.column not in table:
            raise _no_column("data.noise.column", config.noise.column, table, where)
        picked["noisy"] = table[config.noise.column]
    return picked


def _refuse_flags(picked: pd.DataFrame, column: str, where: str) -> None:
    """Refuse a column that says of each row whether its label is right, not what is right."""
    flags = set(picked["clean"]) - {MISSING}
    are_flags = 0 < len(flags) <= 2 and all(flag.lower() in FLAGS for flag in flags)
    if are_flags and not set(picked["label"]) - {MISSING} <= flags:
        agreement = (picked["clean"] == picked["label"])[picked["clean"] != MISSING].mean()
        if agreement < RARELY:
            raise DataError(
                f"data.clean_label: {where}: the column {column!r} holds {' and '.join(sorted(flags))}: "
                "flags, not labels; set data.clean_label to null"
            )


def fill_held_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Give val and test rows without a given label their true label, if there is one."""
    if "clean" not in rows:
        return rows
    is_held_out = rows["split"] != "train"
    return rows.assign(label=rows["label"].mask(is_held_out & (rows["label"] == MISSING), rows["clean"]))


def is_unlabelled(rows: pd.DataFrame) -> pd.Series:
    """Which rows are training images without the label that a method would see."""
    seen = rows["noisy" if "noisy" in rows else "label"]
    return (rows["split"] == "train") & (seen == MISSING)


def only_one_label(config: DataConfig, what: str) -> None:
    """Refuse settings that name columns if the source has none, only classes."""
    if config.label != DEFAULT_LABEL:
        raise DataError(
            f"data.label: {what} have no columns: it must stay {DEFAULT_LABEL!r}, got {config.label!r}"
        )
    if config.clean_label not in (None, DEFAULT_LABEL):
        raise DataError(
            f"data.clean_label: {what} have no columns: it must be {DEFAULT_LABEL!r} if their labels are "
            f"true, else null, got {config.clean_label!r}"
        )
    refuse_column_noise(config, what)


def refuse_column_noise(config: DataConfig, what: str) -> None:
    if isinstance(config.noise, ColumnNoise):
        raise DataError(
            f"data.noise.column: {what} have no column of noisy labels, got {config.noise.column!r}"
        )


def labels_of_names(names: pd.Series, config: DataConfig) -> pd.DataFrame:
    """The columns ``label`` and, if ``data.clean_label`` says that they are true, ``clean``."""
    picked = pd.DataFrame({"label": names})
    return picked.assign(clean=names) if config.clean_label == DEFAULT_LABEL else picked


def clean_column_notice(columns: Collection[str], config: DataConfig, table: str) -> list[str]:
    """One sentence about a column ``clean`` that nobody has called the true labels."""
    is_unused = USUAL_CLEAN_LABEL in columns and config.clean_label is None
    if not is_unused or config.label == USUAL_CLEAN_LABEL:
        return []
    return [
        f"{table} has a column {USUAL_CLEAN_LABEL!r}, which is not used: if it holds the true labels, set "
        f"data.clean_label={USUAL_CLEAN_LABEL}."
    ]


def _hint_of_clean(table: pd.DataFrame, trains: bool) -> str:
    """A table of held-out images may have true labels alone."""
    if trains or USUAL_CLEAN_LABEL not in table:
        return ""
    return f"; if {USUAL_CLEAN_LABEL!r} holds the true labels, set data.clean_label={USUAL_CLEAN_LABEL}"


def _no_column(field: str, name: str, table: pd.DataFrame, where: str, hint: str = "") -> DataError:
    there = listed(table.columns, 20)
    near = did_you_mean(name, table.columns)
    return DataError(f"{field}: {where} has no column {name!r}{near}; it has {there}{hint}")
