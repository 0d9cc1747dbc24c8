"""A CSV or Parquet file with the columns ``path`` and label, and optionally ``split``.

Paths are relative to the table's folder. The table is the source itself, or the only one at the top of a
folder or zip.
"""

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, listed
from platform.datasets.readers import labels_beside_images
from platform.datasets.remarks import Remarks
from platform.datasets.sources.source import TABLES, ManifestSource, Source
from platform.datasets.splits import split_of
from platform.datasets.tables.label_columns import clean_column_notice, pick_labels
from platform.datasets.tables.table_files import read_table, relative_to_table, unlisted_images

LAYOUT = "one CSV or Parquet file with the columns path and label"


def recognises(source: Source) -> bool:
    if source.table is not None:
        return not isinstance(source, ManifestSource)
    tables = _tables_at_top(source)
    if len(tables) != 1 or labels_beside_images.recognises(source):
        return False
    try:
        return "path" in read_table(source, tables[0], header_only=True)
    except DataError:
        return False  # another kind of .csv; if the user names it as the source, it is read and refused


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    name = _the_table(source)
    table = read_table(source, name)
    where = str(source) if source.table else f"{source}: {name}"
    if "path" not in table:
        raise DataError(f"data.source: {where} has no column 'path'; it has {listed(table.columns, 20)}")
    rows = pick_labels(table, config, where=where, trains=True)
    rows["path"] = relative_to_table(table["path"], name)
    if "split" in table:
        rows["split"] = [split_of(name, where) for name in table["split"]]
    return rows


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    name = _the_table(source)
    columns = read_table(source, name, header_only=True).columns.tolist()
    notes = clean_column_notice(columns, config, name)
    return Remarks(unlisted_images=unlisted_images(source, rows), notes=tuple(notes))


def _tables_at_top(source: Source) -> list[str]:
    return [name for name in source.top if name.lower().endswith(TABLES)]


def _the_table(source: Source) -> str:
    if source.table is not None:
        return source.table
    tables = _tables_at_top(source)
    if len(tables) != 1:
        names = ", ".join(tables) or "none"
        raise DataError(
            f"data.source: {source} must hold one table at its top to be read as one; found {names}"
        )
    return tables[0]
