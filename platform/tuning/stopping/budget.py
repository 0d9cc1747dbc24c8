"""What a sweep has spent of its budget, in all processes that ran it (runs/NAME/budget.json)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

from platform.config.document import dotted
from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace
from platform.storage.whole_files import write_whole
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.stopping.balance import Balance, Spent, read_balance

SAVED_EVERY_S = 2.0
"""A killed process loses at most this much time from the account."""


class Account:
    """Counts what a sweep spends, starting from the balance of its last process.

    Epochs start from the study, which is always up to date, and only time from the file.

    Args:
        gpus: The GPUs that each running trial holds.
        epochs: The epochs that the study knows, by the trial's number.
    """

    def __init__(
        self, folder: SweepFolder, budget: BudgetConfig, *, gpus: float, epochs: Mapping[int, int]
    ) -> None:
        known = read_balance(folder)
        spent = replace(known.spent if known else Spent(), epochs=sum(epochs.values()))
        self.balance = Balance(budget, spent)
        self._folder = folder
        self._gpus = gpus
        self._epochs = dict(epochs)
        self._now: float | None = None
        self._saved = float("-inf")

    def allow(self, share: float) -> None:
        """From now on this share of each limit may be spent."""
        self.balance = replace(self.balance, share=share)

    def add_time(self, now: float, running: int) -> None:
        """Count the time since the last call, in which ``running`` trials ran; ``now``: in seconds."""
        before, self._now = self._now, now
        if before is None:
            return
        spent, seconds = self.balance.spent, now - before
        self._spend(
            seconds=spent.seconds + seconds,
            gpu_seconds=spent.gpu_seconds + seconds * running * self._gpus,
        )
        if now - self._saved >= SAVED_EVERY_S:
            self._saved = now
            self.save()

    def add_epoch(self, number: int, epoch: int) -> None:
        """Count a trial's epoch; a trial that goes on reports its earlier epochs again, which count once."""
        new = epoch - self._epochs.get(number, 0)
        if new > 0:
            self._epochs[number] = epoch
            self._spend(epochs=self.balance.spent.epochs + new)

    def save(self) -> None:
        state = {"budget": self.balance.budget.model_dump(), "spent": asdict(self.balance.spent)}
        write_whole(self._folder.budget, json.dumps(state, indent=1))

    def _spend(self, **spent: float) -> None:
        self.balance = replace(self.balance, spent=replace(self.balance.spent, **spent))  # type: ignore[arg-type]


def check_gpu_hours(loaded: LoadedSpace[SweepConfig], resources: TrialResources) -> None:
    """Raises ConfigError for a budget in GPU hours if trials get no GPU: it would never end the sweep."""
    path = ("search", "budget", "gpu_hours")
    if loaded.first().search.budget.gpu_hours is not None and not resources.gpus:
        message = (
            "trials get no GPU here, so this budget would never end the sweep: give time or epochs instead"
        )
        raise ConfigError.at(loaded.document.mark(path), dotted(path), message)
