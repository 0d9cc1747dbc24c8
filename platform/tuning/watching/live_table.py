"""Draws a running sweep for a terminal of 80 columns and more.

Trial, state, epoch, best, last, images/s and elapsed are always there. Each searched parameter gets a column
while there is room, and the last heading counts those without (``+3``).
"""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from platform.tuning.names import trial_name
from platform.tuning.watching.sweep_table import SweepTable, TrialRow, number, short

SHOWN_ROWS = 12
OTHER_LINES = 6
"""Lines besides the rows: the heading, the summary, a notice, and the line that the cursor is in."""
NARROW = 100
"""Below this width, columns and bars stand closer, so that a parameter or two have room at 80 columns."""
LONGEST_VALUE = 12
MARK = "*"
"""Follows the name of the best trial."""
STYLES = {"failed": "red", "running": "cyan", "starting": "yellow", "waiting": "dim"}


def live_table(table: SweepTable, now: float, width: int, height: int, notice: str | None = None) -> Group:
    """The table, its summary, and a ``notice`` if there is one, in ``width`` columns and ``height`` lines."""
    rows = _shown(table, max(1, min(SHOWN_ROWS, height - OTHER_LINES)))
    gap, bar = (1, 5) if width < NARROW else (2, 8)
    columns = {**_always(table, rows, now, bar), **_goals(table, rows)}
    left = width - sum(_width(heading, cells) + gap for heading, cells in columns.items())
    columns |= _parameters(rows, left, gap)
    best = table.best()
    drawn = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for heading in columns:
        is_text = heading in ("trial", "state", "epoch")
        drawn.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    for place, row in enumerate(rows):
        is_best = best is not None and best.best is not None and row.number == best.number
        drawn.add_row(*(cells[place] for cells in columns.values()), style="bold" if is_best else "")
    lines: list[Table | Text] = [drawn, Text(table.summary(), style="bold")]
    if notice:
        lines.append(Text(notice, style="bold yellow"))
    return Group(*lines)


def _shown(table: SweepTable, count: int) -> list[TrialRow]:
    """The trials that run, then the best of those that ended; the best of all is always among them."""
    ended = sorted(table.ended(), key=table.goodness, reverse=True)
    unended = sorted(table.open(), key=lambda row: row.outcome == "waiting")
    best = [row for row in ended[:1] if row.best is not None]
    return [*unended[: count - len(best)], *ended][:count]


def _always(table: SweepTable, rows: Sequence[TrialRow], now: float, bar: int) -> dict[str, list[Text]]:
    best = table.best()
    marked = best.number if best is not None and best.best is not None else None
    digits = max((len(str(row.epochs)) for row in rows), default=1)
    return {
        "trial": [Text(trial_name(row.number) + MARK * (row.number == marked)) for row in rows],
        "state": [Text(row.outcome, style=STYLES.get(row.outcome, "")) for row in rows],
        "epoch": [_epoch(row, digits, bar) for row in rows],
        "best": [Text(number(row.best).rjust(6)) for row in rows],
        "last": [Text(number(row.last).rjust(6)) for row in rows],
        "images/s": [Text(f"{row.speed:,.0f}" if row.speed else "–") for row in rows],
        "elapsed": [Text(clock(row.elapsed(now))) for row in rows],
    }


def _goals(table: SweepTable, rows: Sequence[TrialRow]) -> dict[str, list[Text]]:
    return {
        name.rpartition("/")[2]: [Text(number(row.other_goals.get(name))) for row in rows]
        for name in table.other_goals
    }


def _parameters(rows: Sequence[TrialRow], left: int, gap: int) -> dict[str, list[Text]]:
    """A column a searched parameter while there is room; the last one's heading counts those without."""
    paths = list(dict.fromkeys(path for row in rows for path in row.parameters))
    names = short_names(paths)
    columns: dict[str, list[Text]] = {}
    for place, path in enumerate(paths):
        cells = [_value(row, path) for row in rows]
        after = len(paths) - place - 1
        needed = _width(names[path], cells) + (len(f"+{after}") + gap if after else 0)
        if needed > left:
            rest = f"+{after + 1}"
            return columns | ({rest: [Text("") for _ in rows]} if left >= len(rest) else {})
        columns[names[path]] = cells
        left -= _width(names[path], cells) + gap
    return columns


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """The shortest ending of each path that no other has: ``lr`` of ``optim.lr``."""
    names = {}
    for path in paths:
        parts = path.split(".")
        endings = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
        others = [other for other in paths if other != path]
        names[path] = next(
            (one for one in endings if not any(f".{other}".endswith(f".{one}") for other in others)), path
        )
    return names


def _value(row: TrialRow, path: str) -> Text:
    text = short(row.parameters[path]) if path in row.parameters else "–"
    return Text(text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…")


def _epoch(row: TrialRow, digits: int, bar: int) -> Text:
    """ "3/10 ━━━━────": epochs that are done, and how far the next one is."""
    text = Text(f"{row.epoch}/{row.epochs}".rjust(2 * digits + 1))
    if row.is_open:
        filled = round(bar * (row.within or 0.0))
        text.append(" ").append("━" * filled, style="cyan").append("─" * (bar - filled), style="dim")
    return text


def clock(seconds: float | None) -> str:
    """ "0:07", "12:05" or "1:02:05"."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _width(heading: str, cells: Sequence[Text]) -> int:
    return max(len(heading), *(cell.cell_len for cell in cells), 0)
