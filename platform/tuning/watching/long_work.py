"""Progress of what takes long outside the trials: decoding, evaluating, predicting.

On a terminal a bar; elsewhere, as in a log file, a line now and then.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from platform.tuning.terminal import duration

Say = Callable[[str], None]
"""Called with the step that begins."""
Count = Callable[[int, int], None]
"""Called with how much of the step is done, and how much there is."""
LINE_EVERY_S = 30.0
BAR = 20


@contextmanager
def long_work(
    console: Console, step: str, *, counted: str | None = None, every_s: float = LINE_EVERY_S
) -> Iterator[tuple[Say, Count]]:
    """Functions that show the current step and its count; ``counted``: what a step that counts is called."""
    if not console.is_terminal:
        lines = _Lines(console, step, counted, every_s)
        yield lines.say, lines.count
        return
    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(step, total=None)
        began = time.monotonic()

        def say(step: str) -> None:
            nonlocal began
            began = time.monotonic()
            progress.reset(task, description=step)

        def count(done: int, of: int) -> None:
            bar = "━" * round(BAR * done / max(of, 1))
            amount = _amount(done, of, time.monotonic() - began)
            progress.update(task, description=f"{counted or step} {bar.ljust(BAR, '─')} {amount}")

        yield say, count


def _amount(done: int, of: int, passed: float) -> str:
    """ "12,000 of 48,000, about 3 min 2 s left"."""
    left = f", about {duration(passed * (of - done) / done)} left" if 0 < done < of else ""
    return f"{done:,} of {of:,}{left}"


class _Lines:
    """Prints a line on what has taken longer than ``every_s``, not more often."""

    def __init__(self, console: Console, step: str, counted: str | None, every_s: float) -> None:
        self.console, self.step, self.counted, self.every_s = console, step, counted, every_s
        self.began = self.said = time.monotonic()

    def say(self, step: str) -> None:
        self._line(f"{step} …")
        self.step, self.began = step, time.monotonic()

    def count(self, done: int, of: int) -> None:
        self._line(f"{self.counted or self.step}: {_amount(done, of, time.monotonic() - self.began)}")

    def _line(self, text: str) -> None:
        now = time.monotonic()
        if now - self.said >= self.every_s:
            self.said = now
            self.console.print(text)
