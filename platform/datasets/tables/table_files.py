"""Read CSV and Parquet files of labels as text, so that a class named NA, 007 or 1.0 keeps its name."""

import csv
import io
import posixpath
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from platform.config.errors import shortened
from platform.datasets.errors import DataError, counted
from platform.datasets.sources.regular_files import TooLarge
from platform.datasets.sources.source import Source
from platform.datasets.tables.spreadsheet_cells import APOSTROPHE, plain_cell

if TYPE_CHECKING:
    import pyarrow

MISSING = ""
"""The value of an empty cell."""

EXACT_UP_TO = 2**53
"""Floats of whole numbers from here on may have been rounded."""


MAX_BYTES = 1_000_000_000
"""Of a table's file, and of the text in a Parquet table, which may be packed a thousandfold."""
MAX_COLUMNS = 2_000
MAX_VALUES = 50_000_000
"""Rows times columns."""
UNREADABLE = (OSError, ValueError, NotImplementedError, LookupError, TypeError, MemoryError)
"""What is raised for damage: wrong UTF-8 is a ValueError, pyarrow's errors are of all these kinds."""
AT_ONCE = 1_000_000  # values that are held as Python's own text at a time


def read_table(source: Source, path: str, *, header_only: bool = False) -> pd.DataFrame:
    """All columns as text, empty cells as ``MISSING``; with ``header_only`` the columns' names only."""
    try:
        content = source.read(path, MAX_BYTES)
        if path.lower().endswith(".csv"):
            return _read_csv(content, header_only)
        return _read_parquet(content, header_only)
    except FileNotFoundError as error:
        raise DataError(f"data.source: {source} holds no {path}") from error
    except TooLarge as error:
        raise DataError(
            f"data.source: {source}: {path} is larger than {MAX_BYTES / 1e6:,.0f} MB, the most that a "
            "table may have: leave out columns or rows"
        ) from error
    except (csv.Error, *UNREADABLE) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            f"data.source: {source}: {path} cannot be read as a table: {shortened(reason[0])}"
        ) from error


def _read_csv(content: bytes, header_only: bool) -> pd.DataFrame:
    # spreadsheets write a byte-order mark before the first column's name
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    lines = csv.reader(text, skipinitialspace=True, strict=True)
    header = next(lines, [])
    _refuse_large(len(header), 0)
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    if not names:
        raise ValueError("it is empty")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"the column {twice[0]!r} is there more than once")
    parts: list[pd.DataFrame] = []
    rows: list[list[str]] = []
    number = 0
    for values in () if header_only else lines:
        if len(values) > len(names) and any(values[len(names) :]):
            raise ValueError(
                f"{len(values)} values in line {lines.line_num}, the header has {len(names)}; quote values "
                "that hold a comma"
            )
        if values:  # no blank line
            rows.append((values + [MISSING] * len(names))[: len(names)])
        if len(rows) * len(names) >= AT_ONCE:
            number += len(rows)
            _refuse_large(len(names), number)
            parts.append(_as_frame(rows, names))
            rows = []
    _refuse_large(len(names), number + len(rows))
    return pd.concat([*parts, _as_frame(rows, names)], ignore_index=True)


def _refuse_large(columns: int, rows: int) -> None:
    if columns > MAX_COLUMNS:
        raise ValueError(f"it has {columns:,} columns; {MAX_COLUMNS:,} are the most")
    if columns * rows > MAX_VALUES:
        raise ValueError(
            f"it has {rows:,} rows or more of {counted(columns, 'column')}; {MAX_VALUES:,} values are the "
            "most: leave out columns"
        )


def _as_frame(rows: list[list[str]], names: list[str]) -> pd.DataFrame:
    """``rows`` as they were before :func:`~spreadsheet_cells.csv_text` wrote them, if it did."""
    for row in rows:
        if any(value.startswith(APOSTROPHE) for value in row):
            row[:] = [plain_cell(value) for value in row]
    return pd.DataFrame(rows, columns=names, dtype=str)


def _read_parquet(content: bytes, header_only: bool) -> pd.DataFrame:
    from pyarrow import parquet  # 0.1 s that only a Parquet file costs

    schema = parquet.read_schema(io.BytesIO(content))
    _refuse_large(len(schema.names), 0)
    if header_only:
        return pd.DataFrame(columns=schema.names)
    table = _within_limits(content, schema)
    return pd.DataFrame({str(name): _as_text(str(name), table.column(name)) for name in table.column_names})


def _within_limits(content: bytes, schema: "pyarrow.Schema") -> "pyarrow.Table":
    """The table, its texts as dictionaries; raises ValueError for one that would take gigabytes.

    What the file says of its own length may be false, so the rows are counted as they come.
    """
    import pyarrow as pa
    from pyarrow import parquet

    nested = [column.name for column in schema if pa.types.is_nested(column.type)]
    if nested:
        raise ValueError(f"the column {nested[0]!r} holds lists or records, not text or numbers")
    texts = [column.name for column in schema if _is_text(column.type)]
    file = parquet.ParquetFile(io.BytesIO(content), read_dictionary=texts)
    _refuse_large(len(schema.names), file.metadata.num_rows)
    batches: list[pa.RecordBatch] = []
    rows = length = 0
    for batch in file.iter_batches(batch_size=1 << 16):
        rows += batch.num_rows
        _refuse_large(len(schema.names), rows)
        length += sum(map(_text_bytes, batch.columns))
        if length > MAX_BYTES:
            raise ValueError(f"its texts take more than {MAX_BYTES / 1e6:,.0f} MB: leave out columns")
        batches.append(batch)
    return pa.Table.from_batches(batches, file.schema_arrow)


def _is_text(kind: "pyarrow.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _text_bytes(column: "pyarrow.Array") -> int:
    """Bytes of a column's texts, each counted as often as it stands there."""
    import pyarrow as pa
    from pyarrow import compute

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_text(column.type.value_type):
        return int(column.indices.nbytes)
    lengths = compute.binary_length(column.dictionary).take(column.indices)
    return int(compute.sum(compute.cast(lengths, pa.int64())).as_py() or 0)


def _as_text(name: str, column: "pyarrow.ChunkedArray") -> pd.Series:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):  # pandas would make them floats where one is missing
        return pd.Series(column.cast(pa.string()).fill_null(MISSING).to_pylist(), dtype=str)
    values = pd.Series(column.to_pandas())
    is_missing = values.isna()
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        if values.abs().max() >= EXACT_UP_TO:
            raise ValueError(
                f"the whole numbers in column {name!r} were stored as floats, which rounds such large ones: "
                "store them as integers or text"
            )
        values = values.fillna(0).astype("int64")  # whole numbers with gaps are stored as floats
    return values.astype(str).mask(is_missing, MISSING)


def relative_to_table(paths: pd.Series, table: str) -> pd.Series:
    """A table's paths, made relative to the source's root; in the table they are relative to its folder."""
    folder = posixpath.dirname(table)
    return paths.map(lambda path: posixpath.normpath(posixpath.join(folder, path)) if path else MISSING)


def unlisted_images(source: Source, rows: pd.DataFrame) -> int:
    """Number of images in the source that its own table does not list; 0 if the table is the source."""
    if source.table is not None:
        return 0
    return len(set(map(str, source.kinds.images)) - set(rows["path"]))
