"""A line in the user's scrontab, which calls `run-due` as a Slurm job that comes again every ten minutes.

Not all versions of scrontab take a file: it is given an editor that writes the table.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from platform.nights.install import programs
from platform.nights.install.entries import SCHEDULE, command_of, entry_of
from platform.nights.install.table import Table
from platform.nights.install.tick import Tick, say_notes, tick_of
from platform.nights.plan.plan_config import LONGEST_NIGHT_HOURS, PlanConfig

Say = Callable[[str], None]
LOG = "run-due.log"
OPTION = "#SCRON"
ABOUT = """\
Its lines #SCRON are yours to edit (scrontab -e): partition, account, GPUs (--gres=gpu:1), memory. They stay
when the plan is installed again. The job holds these resources for a moment each time that nothing is due,
and for the whole night otherwise, unless the plan's `address` names a Ray cluster."""


def install(plan_file: Path, plan: PlanConfig, *, print_only: bool, remove: bool, say: Say) -> None:
    tick, table = tick_of(plan_file, plan), Table("scrontab", _write)
    if remove:
        afterwards = "a job of it that runs goes on to its end"
        table.remove(tick, say, print_only=print_only, afterwards=afterwards)
        return
    log = tick.folder / plan.state / LOG
    if print_only:
        say(_entry(tick, log, None))
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        instead = "use --print, and install it where Slurm's commands are"
        table.put(tick, lambda known: _entry(tick, log, known), instead, say)
    notes = [
        *tick.about_variables(),
        *ABOUT.splitlines(),
        f"What it says is in {log}. Slurm starts the next one only when the last has ended.",
        f"To remove it: {tick.command('slurm', '--remove')}",
    ]
    say_notes(say, notes, print_only=print_only)


def _usual_options(tick: Tick) -> list[str]:
    return [f"{OPTION} --job-name={tick.key}", f"{OPTION} --time={LONGEST_NIGHT_HOURS + 1}:00:00"]


def _entry(tick: Tick, log: Path, known: str | None) -> str:
    """With the options of the one that is there: these are the user's to edit."""
    options = [line for line in (known or "").splitlines() if line.startswith(OPTION)]
    options = options or _usual_options(tick)
    return entry_of(tick, "slurm", [*options, f"{SCHEDULE} {command_of(tick, str(log))}"])


def _write(table: str) -> None:
    with TemporaryDirectory() as folder:
        content, editor = Path(folder) / "table", Path(folder) / "editor"
        content.write_text(table, encoding="utf-8", errors="surrogateescape")
        editor.write_text(f"#!/bin/sh\nexec cat '{content}' > \"$1\"\n", encoding="utf-8")
        editor.chmod(0o700)
        programs.done("scrontab", "-e", environment={"VISUAL": str(editor), "EDITOR": str(editor)})
