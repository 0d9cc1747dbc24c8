"""``train_labels.csv``, and perhaps ``val_labels.csv`` and ``test_labels.csv``, beside the images.

Each has a column ``path``, relative to the folder it lies in, and columns of labels.
"""

import pandas as pd

from platform.datasets.tables.label_columns import pick_labels
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.sources.source import Source
from platform.datasets.tables.table_files import read_table, relative_to_table

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


def _read_split(source: Source, config: DataConfig, split: str) -> pd.DataFrame:
    name = TABLES[split]
    table = read_table(source, name)
    if "path" not in table:
        raise DataError(
            f"data.source: {source}: {name} has no column 'path'; it has {', '.join(table.columns)}"
        )
    rows = pick_labels(table, config, where=f"{source}: {name}", trains=split == "train")
    return rows.assign(path=relative_to_table(table["path"], name), split=split)
