"""CSV and Parquet files of labels, read as text: a class named NA, 007 or 1.0 stays what it is."""

import io
import posixpath

import pandas as pd

from platform.datasets.errors import DataError
from platform.datasets.sources.source import Source

MISSING = ""
"""What a cell without a value is read as."""


def read_table(source: Source, path: str, *, header_only: bool = False) -> pd.DataFrame:
    """All columns as text, a missing value as ``MISSING``; with ``header_only`` just the columns' names."""
    try:
        content = source.read(path)
        if path.lower().endswith(".csv"):
            return _read_csv(content, header_only)
        return _read_parquet(content, header_only)
    except FileNotFoundError as error:
        raise DataError(f"data.source: {source} holds no {path}") from error
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
        OSError,
        ValueError,
    ) as error:
        # pyarrow's errors are ValueErrors and OSErrors too
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"data.source: {source}: {path} cannot be read as a table: {reason[0]}") from error


def _read_csv(content: bytes, header_only: bool) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(content),
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        index_col=False,
        encoding="utf-8-sig",  # spreadsheets put a byte-order mark in front of the first column's name
        skipinitialspace=True,
        nrows=0 if header_only else None,
    )


def _read_parquet(content: bytes, header_only: bool) -> pd.DataFrame:
    from pyarrow import parquet  # 0.1 s that only a Parquet file costs

    file = io.BytesIO(content)
    if header_only:
        return pd.DataFrame(columns=parquet.read_schema(file).names)
    frame = parquet.read_table(file).to_pandas()
    return pd.DataFrame({str(name): _as_text(frame[name]) for name in frame.columns})


def _as_text(column: pd.Series) -> pd.Series:
    is_missing = column.isna()
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.fillna(0).astype("int64")  # whole numbers with gaps are stored as floats
    return column.astype(str).mask(is_missing, MISSING)


def relative_to_table(paths: pd.Series, table: str) -> pd.Series:
    """A table's paths, which are relative to its own folder, relative to the source's root."""
    folder = posixpath.dirname(table)
    return paths.map(lambda path: posixpath.normpath(posixpath.join(folder, path)) if path else MISSING)
