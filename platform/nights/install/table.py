"""The user's table of a program, crontab or scrontab: the plan's entry is put there, replaced or removed."""

from collections.abc import Callable
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.nights.install import programs
from platform.nights.install.entries import entry_in, with_entry
from platform.nights.install.tick import Tick

Say = Callable[[str], None]


@dataclass(frozen=True)
class Table:
    """The table that ``program -l`` prints; ``write``: gives the program another one."""

    program: str
    write: Callable[[str], None]

    def put(self, tick: Tick, entry_after: Callable[[str | None], str], instead: str, say: Say) -> None:
        """Write the entry that ``entry_after`` makes of the present one, unless it is there like this.

        ``instead``: what the user can do where the program is not on this machine.
        """
        table = self._read(instead)
        known = entry_in(table, tick)
        new = with_entry(table, tick, entry_after(known))
        if new == table:
            say(f"the {self.program} has the entry {tick.key} like this already")
            return
        self.write(new)
        how = "replaced" if known else "added"
        say(f"the {self.program}'s entry {tick.key} is {how}; its other lines are as before")

    def remove(self, tick: Tick, say: Say, *, print_only: bool, afterwards: str) -> None:
        table = self._read(f"there is no {self.program} to remove anything from")
        entry = entry_in(table, tick)
        if entry is None:
            say(f"the {self.program} has no entry of {tick.plan_file}")
        elif print_only:
            say(f"would be removed from the {self.program}:\n{entry}")
        else:
            self.write(with_entry(table, tick, None))
            say(f"the {self.program}'s entry {tick.key} is removed; {afterwards}")

    def _read(self, instead: str) -> str:
        """ "" if the user has none."""
        programs.need(self.program, instead)
        listed = programs.run(self.program, "-l")
        if listed.returncode == 0:
            return listed.stdout
        if "no crontab" in (listed.stderr + listed.stdout).lower():
            return ""
        raise UserError(f"{self.program} -l: failed: {' '.join(listed.stderr.split())[:400]}")
