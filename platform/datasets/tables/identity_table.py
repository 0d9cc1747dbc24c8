"""A CSV or Parquet file of identities: what folders and file names say otherwise, its columns say.

``path``, ``label`` (the identity) and ``camera`` (a whole number, or none where it is not known); ``split``
(train where there is none) and ``role`` (query or gallery) of images that are held out; ``clean``, the true
identity, of training images whose labels are noisy.
"""

import pandas as pd

from platform.datasets.tables.label_columns import pick_labels
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.tables.identity_layout import ROLES
from platform.datasets.sources.source import Source
from platform.datasets.splits import split_of
from platform.datasets.tables.table_files import MISSING, read_table, relative_to_table

NO_CAMERA = "-1"


def read_identity_table(source: Source, config: DataConfig) -> pd.DataFrame:
    """Columns ``path``, ``label``, perhaps ``clean``, ``camera`` (-1: not known), ``split`` and ``role``."""
    assert source.table is not None
    table = read_table(source, source.table)
    for name in ("path", "label", "camera"):
        if name not in table:
            raise DataError(
                f"data.identities: {source} has no column {name!r}; it has {', '.join(table.columns)}"
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
            f"data.identities: {source}: cameras are whole numbers, or nothing where they are not known, but "
            f"{counted(len(wrong), 'is', 'are')} not: {listed(wrong, 3)}"
        )
    return numbers.astype("int64")


def _check_roles(rows: pd.DataFrame, source: Source) -> None:
    """Of what is held out each image is a query or in the gallery; nothing else is."""
    is_train = rows["split"] == "train"
    wrong = rows[rows["role"].isin(ROLES) == is_train]
    if len(wrong):
        first = wrong.iloc[0]
        raise DataError(
            f"data.identities: {source}: the role is {' or '.join(ROLES)} of images in val and test, and "
            f"none of others, but {first['path']}, in {first['split']}, has {first['role']!r}"
        )
