"""Result table and durations, shared by search, --status and reports."""

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from platform.config.errors import one_line

LEFT_ALIGNED = ("trial", "outcome", "sweep", "state", "trials")


def console_of(stream: TextIO, *, is_plain: bool = True) -> Console:
    """A console that takes for a terminal only what is one; ``is_plain``: lines stay whole and as they are.

    A notebook's kernel sets FORCE_COLOR, as CI does, and rich would then draw each frame of a live table into
    a text in which no cursor moves.
    """
    return Console(
        file=stream,
        highlight=not is_plain,
        markup=not is_plain,
        soft_wrap=is_plain,
        force_jupyter=False,
        force_terminal=None if stream.isatty() else False,
    )


def result_table(rows: Sequence[dict[str, str]]) -> Table:
    """``rows``: one dict of column to cell per trial or sweep."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = list(rows[0]) if rows else []
    for column in columns:
        is_text = column in LEFT_ALIGNED or not _is_number(rows[0][column])
        table.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(one_line(row[column])) for column in columns))
    return table


def print_table(console: Console, rows: Sequence[dict[str, str]]) -> None:
    """Print the table: in full width into a file; on a terminal the first columns that fit its width.

    A last line names the columns that do not fit.
    """
    columns = list(rows[0]) if rows else []
    shown = columns
    while console.is_terminal and len(shown) > 1 and _width(_of(rows, shown)) > console.width:
        shown = shown[:-1]
    table = result_table(_of(rows, shown))
    width = _width(_of(rows, shown))
    is_terminal = console.is_terminal
    Console(file=console.file, width=width, force_terminal=is_terminal, force_jupyter=False).print(table)
    if hidden := columns[len(shown) :]:
        console.print(f"This terminal is too narrow for {', '.join(hidden)}.")


def _of(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> list[dict[str, str]]:
    return [{column: row[column] for column in columns} for row in rows]


def _width(rows: Sequence[dict[str, str]]) -> int:
    return Console(width=10_000, force_jupyter=False).measure(result_table(rows)).maximum


def duration(seconds: float) -> str:
    """ "2 h 5 min", "5 min 3 s" or "3 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
