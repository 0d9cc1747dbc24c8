"""CSV files that a person may open in a spreadsheet, which runs cells that look like a formula.

A cell of text is written with an apostrophe before it, which makes it text, if it starts with ``=``, or if it
starts with ``+``, ``-`` or ``@`` and holds a character without which a formula cannot call, link or start
anything. Numbers, ``-x.jpg`` and ``@home`` stay as they are: other programs look names up by their letters.
Readers of this project take the apostrophe off again, so any name is read back as it was.
"""

import csv
import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import pandas as pd

_RUN = re.compile(r"\s*(?:=|[+\-@].*[(|!#\[\\])", re.DOTALL)
APOSTROPHE = "'"


def safe_cell(value: Any) -> Any:
    """``value``, or text that a spreadsheet would run with an apostrophe before it."""
    return APOSTROPHE + value if isinstance(value, str) and _is_run(value) else value


def plain_cell(value: Any) -> Any:
    """The inverse of :func:`safe_cell`."""
    is_marked = isinstance(value, str) and value.startswith(APOSTROPHE) and _is_run(value)
    return value[1:] if is_marked else value


def csv_text(frame: pd.DataFrame, *, header: bool = True) -> str:
    """The table as CSV without its index, its cells as :func:`safe_cell` writes them."""
    shown = _each_text(frame, safe_cell)
    texts = (value for place in _text_columns(frame) for value in frame.iloc[:, place])
    return str(shown.to_csv(index=False, header=header, quoting=quoting(texts)))


def quoting(values: Iterable[object]) -> Literal[0, 2]:
    """For the standard library's ``csv``, which else leaves a carriage return unquoted: it ends a line."""
    has_return = any(isinstance(value, str) and "\r" in value for value in values)
    return csv.QUOTE_NONNUMERIC if has_return else csv.QUOTE_MINIMAL


def read_csv_text(file: Any, **options: Any) -> pd.DataFrame:
    """``pandas.read_csv`` of what :func:`csv_text` wrote."""
    return _each_text(pd.read_csv(file, **options), plain_cell)


def _each_text(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    changed = frame.copy(deep=False)
    for place in _text_columns(frame):
        column = frame.iloc[:, place]
        # of the same type: pandas' own strings cannot hold names that are not UTF-8
        values = [change(value) for value in column]
        kept: Any = pd.Series(values, index=frame.index, dtype=column.dtype)
        changed.isetitem(place, kept)
    return changed


def _text_columns(frame: pd.DataFrame) -> list[int]:
    is_text = (pd.api.types.is_object_dtype, pd.api.types.is_string_dtype)
    return [place for place, kind in enumerate(frame.dtypes) if any(each(kind) for each in is_text)]


def _is_run(text: str) -> bool:
    """Whether what stands behind any apostrophes is text that is written with one more."""
    return _RUN.match(text.lstrip(APOSTROPHE)) is not None
