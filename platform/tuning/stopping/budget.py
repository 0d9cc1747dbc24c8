"""What a sweep has spent of its budget, by all the processes that ran it; kept in runs/NAME/budget.json."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from platform.config.document import dotted
from platform.config.errors import ConfigError, UserError
from platform.config.load import LoadedSpace
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.terminal import duration
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder

SAVED_EVERY_S = 2.0
"""What a SIGKILL takes out of the account at most."""
HOUR_S = 3600


@dataclass(frozen=True)
class Spent:
    """``seconds``: wall time while trials ran; ``gpu_seconds``: that of each trial times its GPUs."""

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    epochs: int = 0


@dataclass(frozen=True)
class Balance:
    budget: BudgetConfig
    spent: Spent = Spent()

    @property
    def reached(self) -> str | None:
        """The limit that is reached, in words; None while all are kept."""
        budget, spent = self.budget, self.spent
        if budget.epochs is not None and spent.epochs >= budget.epochs:
            return str(BudgetConfig(epochs=budget.epochs))
        if budget.time_s is not None and spent.seconds >= budget.time_s:
            return str(BudgetConfig(time=budget.time))
        if budget.gpu_hours is not None and spent.gpu_seconds >= budget.gpu_hours * HOUR_S:
            return str(BudgetConfig(gpu_hours=budget.gpu_hours))
        return None

    @property
    def left(self) -> str:
        """What is left of each limit, in words; empty without any."""
        budget, spent, parts = self.budget, self.spent, []
        if budget.time_s is not None:
            parts.append(f"{duration(max(0.0, budget.time_s - spent.seconds))} of {budget.time}")
        if budget.epochs is not None:
            parts.append(f"{max(0, budget.epochs - spent.epochs):,} of {budget.epochs:,} epochs")
        if budget.gpu_hours is not None:
            hours = max(0.0, budget.gpu_hours - spent.gpu_seconds / HOUR_S)
            parts.append(f"{hours:.2f} of {budget.gpu_hours:g} GPU hours")
        return ", ".join(parts)


def read_balance(folder: SweepFolder) -> Balance | None:
    """As the process that runs the sweep, or ran it last, has written it down; None where none has."""
    try:
        known = json.loads(folder.budget.read_text(encoding="utf-8"))
        return Balance(BudgetConfig.model_validate(known["budget"]), Spent(**known["spent"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        line = " ".join(str(error).split())
        raise UserError(f"{folder.budget}: cannot be read as what the sweep has spent: {line}") from None


class Account:
    """Goes on counting where the sweep's last process had stopped.

    ``gpus``: how many each trial holds while it runs; ``epochs``: those that the study knows of, by the
    trial's number. The study is never behind, so epochs are counted from it and only time from the file.
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

    def passed(self, now: float, running: int) -> None:
        """The clock, in seconds, shows ``now``; since it was last looked at, ``running`` trials ran."""
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

    def told(self, number: int, epoch: int) -> None:
        """A trial has done an epoch; one that goes on tells of its earlier ones once more."""
        new = epoch - self._epochs.get(number, 0)
        if new > 0:
            self._epochs[number] = epoch
            self._spend(epochs=self.balance.spent.epochs + new)

    def save(self) -> None:
        draft = self._folder.budget.with_suffix(".tmp")
        state = {"budget": self.balance.budget.model_dump(), "spent": asdict(self.balance.spent)}
        with draft.open("w", encoding="utf-8") as file:
            json.dump(state, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder.budget)

    def _spend(self, **spent: float) -> None:
        self.balance = replace(self.balance, spent=replace(self.balance.spent, **spent))  # type: ignore[arg-type]


def check_gpu_hours(loaded: LoadedSpace[SweepConfig], resources: TrialResources) -> None:
    """Raises ConfigError for a budget in GPU hours where trials get no GPU: it would never end the sweep."""
    path = ("search", "budget", "gpu_hours")
    if loaded.first().search.budget.gpu_hours is not None and not resources.gpus:
        message = "no trial gets a GPU here, so none of it would ever be spent: give time or epochs"
        raise ConfigError.at(loaded.document.mark(path), dotted(path), message)
