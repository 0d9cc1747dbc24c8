"""A line in the user's crontab, which calls `run-due` every ten minutes."""

from collections.abc import Callable
from pathlib import Path

from platform.nights.install import programs
from platform.nights.install.entries import SCHEDULE, command_of, entry_of
from platform.nights.install.table import Table
from platform.nights.install.tick import say_notes, tick_of
from platform.nights.plan.plan_config import PlanConfig

Say = Callable[[str], None]
LOG = "run-due.log"


def install(plan_file: Path, plan: PlanConfig, *, print_only: bool, remove: bool, say: Say) -> None:
    tick, table = tick_of(plan_file, plan), Table("crontab", _write)
    log = tick.folder / plan.state / LOG
    entry = entry_of(tick, "cron", [f"{SCHEDULE} {command_of(tick, str(log))}"])
    if remove:
        afterwards = "its other lines are as before"
        table.remove(tick, say, print_only=print_only, afterwards=afterwards)
        return
    if print_only:
        say(entry)
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        instead = "use --systemd, or --print and install it where cron runs"
        table.put(tick, lambda known: entry, instead, say)
    notes = [
        *tick.about_variables(),
        f"What it says is in {log}.",
        "A machine that was off catches up with the first tick afterwards, as far as start_within allows.",
        f"To remove it: {tick.command('cron', '--remove')}",
    ]
    say_notes(say, notes, print_only=print_only)


def _write(table: str) -> None:
    programs.done("crontab", "-", given=table)
