"""``train_labels.csv``, and optionally ``val_labels.csv`` and ``test_labels.csv``, beside the images.

Each has a column ``path``, relative to the table's folder, and columns of labels.
"""

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, listed
from platform.datasets.remarks import Remarks
from platform.datasets.sources.source import Source
from platform.datasets.tables.label_columns import clean_column_notice, pick_labels
from platform.datasets.tables.table_files import read_table, relative_to_table, unlisted_images

LAYOUT = "train_labels.csv (and val_labels.csv, test_labels.csv) with the columns path and label"
TABLES = {split: f"{split}_labels.csv" for split in ("train", "val", "test")}


def recognises(source: Source) -> bool:
    return source.table is None and TABLES["train"] in source.top


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    if not recognises(source):
        raise DataError(f"data.source: {source} holds no {TABLES['train']}")
    return pd.concat(
        [_read_split(source, config, split) for split, table in TABLES.items() if table in source.top],
        ignore_index=True,
    )


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    name = TABLES["train"]
    columns = read_table(source, name, header_only=True).columns.tolist()
    notes = clean_column_notice(columns, config, name)
    return Remarks(unlisted_images=unlisted_images(source, rows), notes=tuple(notes))


def _read_split(source: Source, config: DataConfig, split: str) -> pd.DataFrame:
    name = TABLES[split]
    table = read_table(source, name)
    if "path" not in table:
        raise DataError(
            f"data.source: {source}: {name} has no column 'path'; it has {listed(table.columns, 20)}"
        )
    rows = pick_labels(table, config, where=f"{source}: {name}", trains=split == "train")
    return rows.assign(path=relative_to_table(table["path"], name), split=split)
