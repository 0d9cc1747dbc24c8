"""Tables and times as a terminal shows them: those of a sweep's last lines, and of a look at it."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

LEFT = ("trial", "outcome", "sweep", "state", "trials")


def closing_table(rows: Sequence[dict[str, str]]) -> Table:
    """``rows``: a dict of column to cell a trial, the best first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = list(rows[0]) if rows else []
    for column in columns:
        is_text = column in LEFT or not _is_number(rows[0][column])
        table.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(row[column]) for column in columns))
    return table


def print_table(console: Console, rows: Sequence[dict[str, str]]) -> None:
    """Print the table whole: a terminal wraps what does not fit, a file has no width."""
    table = closing_table(rows)
    width = Console(width=10_000).measure(table).maximum
    Console(file=console.file, width=width).print(table)


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
