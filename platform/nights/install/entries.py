"""A plan's own entry in a crontab, between two markers; all other lines stay as they are."""

import shlex
from pathlib import Path

from platform.config.errors import UserError
from platform.nights.install.tick import MINUTES, Tick

SCHEDULE = f"*/{MINUTES} * * * *"


def command_of(tick: Tick, log: str) -> str:
    """The command as a line for /bin/sh that appends to ``log``; cron ends a command at a bare %."""
    values = shlex.quote(str(tick.values_file))
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in tick.environment.items())
    read = f"set -a; [ ! -r {values} ] || . {values}; set +a; " if tick.variables else ""
    made = f"mkdir -p {shlex.quote(str(Path(log).parent))}"  # or the shell, and with it the tick, fails
    folder = shlex.quote(str(tick.folder))
    line = f"cd {folder} && {made} && {{ {read}{variables} {shlex.join(tick.words)}; }}"
    return f"{line} >> {shlex.quote(log)} 2>&1".replace("%", r"\%")


def entry_of(tick: Tick, kind: str, lines: list[str]) -> str:
    header = [f"# {line}" for line in tick.header(kind)]
    return "".join(f"{line}\n" for line in [_begin(tick), *header, *lines, _end(tick)])


def entry_in(table: str, tick: Tick) -> str | None:
    """The plan's entry as the table has it; raises UserError if one of its markers is missing."""
    place = _place(table, tick)
    return None if place is None else table[slice(*place)]


def with_entry(table: str, tick: Tick, entry: str | None) -> str:
    """The table with the plan's entry replaced, added at its end, or removed if ``entry`` is None."""
    place = _place(table, tick)
    if place is not None:
        return table[: place[0]] + (entry or "") + table[place[1] :]
    if entry is None:
        return table
    return table + ("\n" if table and not table.endswith("\n") else "") + entry


def _place(table: str, tick: Tick) -> tuple[int, int] | None:
    lines = table.splitlines(keepends=True)
    plain = [line.rstrip("\r\n") for line in lines]
    begins, ends = ([at for at, line in enumerate(plain) if line == one(tick)] for one in (_begin, _end))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise UserError(
            f"the table must have the line '{_begin(tick)}' and after it '{_end(tick)}' once each: "
            "edit it by hand (-e), and give the command once more"
        )
    return len("".join(lines[: begins[0]])), len("".join(lines[: ends[0] + 1]))


def _begin(tick: Tick) -> str:
    return f"# BEGIN {tick.key}"


def _end(tick: Tick) -> str:
    return f"# END {tick.key}"
