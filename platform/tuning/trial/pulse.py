"""How far a trial is within its epoch: a small file that its process writes, and the driver reads.

A thread reads two numbers of the trainer once a second: the training itself does nothing for it, and an epoch
of less than a second writes no file.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread

from platform.training.loop.trainer import Trainer

EVERY_S = 1.0
FOLDER = "pulse"
"""Below the sweep's logs; a file a trial."""


@dataclass(frozen=True)
class Pulse:
    """The updates of the epoch that runs (from 1): ``done`` of ``updates``, at ``images_per_s``."""

    epoch: int
    done: int
    updates: int
    images_per_s: float

    @property
    def share(self) -> float:
        """The part of the epoch's updates that are done, 0 to 1; 1 while the trial evaluates."""
        return min(self.done / self.updates, 1.0) if self.updates else 0.0


@contextmanager
def pulsing(trainer: Trainer, logs: Path, name: str, every_s: float = EVERY_S) -> Iterator[None]:
    """Write the trial's pulse while an epoch is trained; only the first worker does, if it sees ``logs``."""
    if not trainer.workers.is_first or not logs.is_dir():
        yield
        return
    over = Event()
    thread = Thread(target=_beat, args=(trainer, logs, name, every_s, over), daemon=True, name="pulse")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(trainer: Trainer, logs: Path, name: str, every_s: float, over: Event) -> None:
    before, started, epoch = trainer.step, time.monotonic(), trainer.epoch + 1
    images = len(trainer.data.rows("train"))
    trained_at: float | None = None
    while not over.wait(every_s):
        done, updates = trainer.step - before, trainer.updates_an_epoch
        if done >= updates and trained_at is None:
            trained_at = time.monotonic()
        seconds = (trained_at or time.monotonic()) - started
        write_pulse(logs, name, Pulse(epoch, done, updates, min(done / updates, 1.0) * images / seconds))


def write_pulse(logs: Path, name: str, pulse: Pulse) -> None:
    """Write the whole file; a full disk or a folder that is gone costs the bar, not the trial."""
    folder = logs / FOLDER
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        new = folder / f".{name}.new"
        new.write_text(json.dumps(asdict(pulse)), encoding="ascii")
        os.replace(new, folder / name)


def read_pulse(logs: Path, name: str) -> Pulse | None:
    """The trial's last pulse; None before its first, or while another machine's file is on its way here."""
    try:
        return Pulse(**json.loads((logs / FOLDER / name).read_text(encoding="ascii")))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def forget_pulses(logs: Path) -> None:
    """Remove the files of trials that no longer run."""
    shutil.rmtree(logs / FOLDER, ignore_errors=True)
