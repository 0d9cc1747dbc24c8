"""A CSV or Parquet file of identities, in place of folders and file names.

Required columns: ``path``, ``label`` (the identity) and ``camera`` (a whole number, empty if unknown).
Optional: ``split`` (default: train), ``role`` (query or gallery; only of held-out images) and ``clean`` (the
true identity of a training image with a noisy label).
"""

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.sources.source import Source
from platform.datasets.splits import split_of
from platform.datasets.tables.identity_layout import ROLES
from platform.datasets.tables.label_columns import pick_labels
from platform.datasets.tables.table_files import MISSING, read_table, relative_to_table

NO_CAMERA = "-1"


def read_identity_table(source: Source, config: DataConfig) -> pd.DataFrame:
    """Columns ``path``, ``label``, ``camera`` (-1: unknown), ``split``, ``role`` and, if there, ``clean``."""
    assert source.table is not None
    table = read_table(source, source.table)
    for name in ("path", "label", "camera"):
        if name not in table:
            raise DataError(
                f"data.identities: {source} has no column {name!r}; it has {listed(table.columns, 20)}"
            )
    rows = pick_labels(table, config, where=str(source), trains=True)
    rows["path"] = relative_to_table(table["path"], source.table)
    rows["camera"] = _cameras(table["camera"], source)
    rows["split"] = [split_of(name, str(source)) for name in table["split"]] if "split" in table else "train"
    rows["role"] = table.get("role", "")
    _check_roles(rows, source)
    return rows


def _cameras(named: pd.Series, source: Source) -> pd.Series:
    numbers = pd.to_numeric(named.replace(MISSING, NO_CAMERA), errors="coerce")
    wrong = named[numbers.isna() | (numbers % 1 != 0)].tolist()
    if wrong:
        raise DataError(
            f"data.identities: {source}: cameras must be whole numbers, or empty if unknown, but "
            f"{counted(len(wrong), 'is', 'are')} not: {listed(wrong, 3)}"
        )
    return numbers.astype("int64")


def _check_roles(rows: pd.DataFrame, source: Source) -> None:
    """Every held-out image, and no other, must be a query or in the gallery."""
    is_train = rows["split"] == "train"
    wrong = rows[rows["role"].isin(ROLES) == is_train]
    if len(wrong):
        first = wrong.iloc[0]
        raise DataError(
            f"data.identities: {source}: the role must be {' or '.join(ROLES)} for images in val and test, "
            f"and empty for others, but {first['path']}, in {first['split']}, has {first['role']!r}"
        )
