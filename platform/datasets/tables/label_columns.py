"""Which of a table's columns are the labels that a method sees, the true ones, and the noisy ones."""

import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.data_config import ColumnNoise, DataConfig
from platform.datasets.errors import DataError
from platform.datasets.tables.table_files import MISSING

DEFAULT_LABEL = "label"
DEFAULT_CLEAN_LABEL = "clean"


def pick_labels(table: pd.DataFrame, config: DataConfig, *, where: str, trains: bool) -> pd.DataFrame:
    """The columns ``label``, ``clean`` (where there is one) and ``noisy`` (for noise from a column).

    ``trains`` says that the table has the training rows: only there is noise wanted, and only there must
    the label's column exist; elsewhere the true label stands in for it. ``where`` names the table.
    """
    has_label = config.label in table
    has_clean = config.clean_label is not None and config.clean_label in table
    if not has_label and (trains or not has_clean):
        raise _no_column("data.label", config.label, table, where)
    if trains and not has_clean and config.clean_label not in (None, DEFAULT_CLEAN_LABEL):
        raise _no_column("data.clean_label", str(config.clean_label), table, where)
    picked = pd.DataFrame(index=table.index)
    picked["label"] = table[config.label if has_label else config.clean_label]
    if has_clean:
        picked["clean"] = table[config.clean_label]
    if trains and isinstance(config.noise, ColumnNoise):
        if config.noise.column not in table:
            raise _no_column("data.noise.column", config.noise.column, table, where)
        picked["noisy"] = table[config.noise.column]
    return picked


def fill_held_out(rows: pd.DataFrame) -> pd.DataFrame:
    """A val or test row without a given label, but with a true one, is given the true one."""
    if "clean" not in rows:
        return rows
    is_held_out = rows["split"] != "train"
    return rows.assign(label=rows["label"].mask(is_held_out & (rows["label"] == MISSING), rows["clean"]))


def is_unlabelled(rows: pd.DataFrame) -> pd.Series:
    """Which rows are training images whose label, as a method would see it, is missing."""
    seen = rows["noisy" if "noisy" in rows else "label"]
    return (rows["split"] == "train") & (seen == MISSING)


def only_one_label(config: DataConfig, what: str) -> None:
    """Refuse settings that name columns of a source which has none: its classes are its only labels."""
    named = {"data.label": (config.label, DEFAULT_LABEL)}
    if config.clean_label is not None:
        named["data.clean_label"] = (config.clean_label, DEFAULT_CLEAN_LABEL)
    for field, (value, default) in named.items():
        if value != default:
            raise DataError(f"{field}: {what} have no columns: it must stay {default!r}, got {value!r}")
    if isinstance(config.noise, ColumnNoise):
        raise DataError(f"data.noise.column: {what} have no columns, got {config.noise.column!r}")


def _no_column(field: str, name: str, table: pd.DataFrame, where: str) -> DataError:
    there = ", ".join(map(str, table.columns))
    return DataError(
        f"{field}: {where} has no column {name!r}{did_you_mean(name, table.columns)}; it has {there}"
    )
