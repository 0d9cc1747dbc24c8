"""What a sweep has spent and what is left of its budget, as runs/NAME/budget.json says; imports no torch."""

from dataclasses import dataclass

from platform.storage.whole_files import read_record
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.terminal import duration

HOUR_S = 3600


@dataclass(frozen=True)
class Spent:
    """``seconds``: wall time while trials ran; ``gpu_seconds``: each trial's wall time times its GPUs."""

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    epochs: int = 0


@dataclass(frozen=True)
class Balance:
    """``share``: of each limit, what may be spent now; the rest is kept for the repeats of the best."""

    budget: BudgetConfig
    spent: Spent = Spent()
    share: float = 1.0

    @property
    def reached(self) -> str | None:
        """The first limit that is reached, for messages; None while there is none."""
        budget, spent, share = self.budget, self.spent, self.share
        if budget.epochs is not None and spent.epochs >= budget.epochs * share:
            return str(BudgetConfig(epochs=budget.epochs))
        if budget.time_s is not None and spent.seconds >= budget.time_s * share:
            return str(BudgetConfig(time=budget.time))
        if budget.gpu_hours is not None and spent.gpu_seconds >= budget.gpu_hours * HOUR_S * share:
            return str(BudgetConfig(gpu_hours=budget.gpu_hours))
        return None

    @property
    def left(self) -> str:
        """What is left of each limit, for messages; empty without a limit."""
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
    """The balance that the sweep's last process wrote; None if none did."""
    return read_record(folder.budget, Balance)
