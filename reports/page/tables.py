"""A table of the page: built once as a DataFrame, which the page shows and a CSV file keeps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, Literal

import pandas as pd

from platform.datasets.tables.spreadsheet_cells import csv_text

UNKNOWN = "–"
Kind = Literal["text", "number", "name", "wrap", "code", "outcome", "pictures"]
"""How the page sets a column: numbers to the right; names and sentences (``wrap``) may break."""


@dataclass(frozen=True)
class Column:
    """One column; its sequences have one entry per row.

    ``values`` go to the CSV file, and numbers sort by them; None and NaN stand for unknown values, which the
    page shows as ``unknown`` and sorts last. ``show`` makes a known value the text of the page. ``notes`` are
    ``is_extra``: the page shows the column once you choose it. ``notes`` are
    muted text behind the values, ``links`` the addresses they lead to, ``pictures`` what the page shows
    instead of them: data: URIs, each with its description. ``is_extra``: the page shows the column once you
    choose it.
    """

    heading: str
    values: Sequence[Any]
    show: Callable[[Any], str] = str
    kind: Kind = "text"
    unknown: str = UNKNOWN
    notes: Sequence[str] = ()
    links: Sequence[str | None] = ()
    pictures: Sequence[Sequence[tuple[str, str]]] = ()
    is_extra: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind == "number"


@dataclass(frozen=True)
class Cell:
    """What the page shows in one place. ``sort_value``: None where the text sorts, "" where it is unknown."""

    column: Column
    text: str
    sort_value: Real | str | None
    note: str
    link: str | None
    pictures: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """``name``: its CSV file's. ``chosen``: rows in bold. ``attributes``: ``data-`` attributes by row."""

    name: str
    columns: Sequence[Column]
    chosen: frozenset[int] = frozenset()
    attributes: Sequence[Mapping[str, str]] = ()
    is_tall: bool = False

    @property
    def has_extras(self) -> bool:
        """Whether some columns are shown only once you choose them."""
        return any(column.is_extra for column in self.columns)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The values under the columns' headings: whole numbers stay whole where some are unknown."""
        typed = [pd.Series(pd.array(list(one.values)), name=one.heading) for one in self.columns]
        return pd.concat(typed, axis=1)

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """The cells of each row, with its place."""
        for place, values in enumerate(self.frame.itertuples(index=False, name=None)):
            yield (
                place,
                [_cell(column, value, place) for column, value in zip(self.columns, values, strict=True)],
            )

    def csv(self) -> str:
        return csv_text(self.frame)


def integers(heading: str, values: Sequence[int]) -> Column:
    return Column(heading, values, "{:,}".format, "number")


def _cell(column: Column, value: Any, place: int) -> Cell:
    is_known = not pd.isna(value)
    sort_value: Real | str | None = None
    if not is_known and column.is_number:
        sort_value = ""
    elif is_known and isinstance(value, Real) and not isinstance(value, bool):
        sort_value = value
    return Cell(
        column,
        column.show(value) if is_known else column.unknown,
        sort_value,
        column.notes[place] if column.notes else "",
        column.links[place] if column.links else None,
        column.pictures[place] if column.pictures else (),
    )
