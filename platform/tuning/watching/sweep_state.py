"""How sweeps stand, seen from outside: from the files in their folders and from MLflow, without Ray."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from platform.config.errors import UserError
from platform.tracking.reading.overview import TrialGlance, glance_at
from platform.tracking.tracking_config import TrackingError
from platform.tuning.stopping.budget import Balance, read_balance
from platform.tuning.folder.process_lock import Holder, read_holder, running
from platform.tuning.folder.sweep_folder import SweepFolder

State = Literal["starting", "running", "stopping", "interrupted", "finished", "failed", "unknown"]
OPEN = ("running", "interrupted")


@dataclass(frozen=True)
class Survey:
    """One sweep as it stands. ``holder``: the process that runs it, or ran it last.

    ``metric``: the goal that is told of, the first of ``goals``.
    ``started``: in seconds since 1970; ``balance``: what it may spend and has spent; ``trials``:
    those of the search that fit its space; ``left_out``: those that do not since that was changed;
    ``confirmations``: its best again; ``problem``: why MLflow could not be asked.
    """

    name: str
    path: str
    state: State
    metric: str = ""
    mode: str = "max"
    started: float | None = None
    holder: Holder | None = None
    trials: list[TrialGlance] = field(default_factory=list)
    confirmations: list[TrialGlance] = field(default_factory=list)
    left_out: list[TrialGlance] = field(default_factory=list)
    balance: Balance | None = None
    problem: str | None = None
    goals: tuple[str, ...] = ()

    @property
    def best(self) -> TrialGlance | None:
        measured = [trial for trial in self.trials if trial.best is not None and trial.outcome != "failed"]
        sign = 1 if self.mode == "max" else -1
        return max(measured, key=lambda trial: sign * (trial.best or 0.0), default=None)

    @property
    def ended(self) -> int:
        return sum(trial.outcome not in OPEN for trial in self.trials)

    @property
    def planned(self) -> int | None:
        return self.holder.trials if self.holder else None

    @property
    def reused(self) -> list[TrialGlance]:
        """Answered from earlier sweeps."""
        return [trial for trial in self.trials if trial.reused_from is not None]

    @property
    def _trained(self) -> list[TrialGlance]:
        return [trial for trial in self.trials if trial.reused_from is None]

    @property
    def epochs(self) -> int:
        """Trained here: those of reused trials are not among them."""
        return sum(trial.epochs for trial in self._trained)

    @property
    def seconds(self) -> float:
        """Seconds that trials spent on these epochs, added up."""
        return sum(trial.seconds for trial in self._trained)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(trial.outcome for trial in self.trials))

    @property
    def epochs_left(self) -> int | None:
        """What is left at most: of trials that have not ended, and of those that have not begun."""
        if self.holder is None:
            return None
        if self.state in ("finished", "failed"):
            return 0
        whole = self.holder.epochs_a_trial
        begun = sum(max(0, whole - trial.epochs) for trial in self.trials if trial.outcome in OPEN)
        return begun + whole * max(0, self.holder.trials - len(self.trials))

    @property
    def seconds_left(self) -> float | None:
        """The epochs left at the mean pace so far, as many trials at once as now; None where unknown."""
        at_once = sum(trial.outcome == "running" for trial in self.trials)
        if not self.epochs or self.epochs_left is None or not at_once or self.state != "running":
            return None
        return self.epochs_left * self.seconds / self.epochs / at_once


def survey(folder: SweepFolder) -> Survey:
    """The sweep in ``folder``; raises UserError where there is none, or its MLflow does not answer."""
    holder = running(folder)
    if holder is not None and not folder.record_file.exists():
        return Survey(folder.name, str(folder.path), "starting", holder=holder, started=holder.began)
    record = folder.read_record()
    seen = Survey(
        name=folder.name,
        path=str(folder.path),
        state=_state_of(folder, holder, "unknown"),
        metric=record.metric,
        mode=record.mode,
        goals=tuple(map(str, record.goals)),
        holder=holder or read_holder(folder),
        balance=read_balance(folder),
    )
    try:
        glance = glance_at(record.tracking_uri, record.parent_run_id, record.metric, record.mode)
    except TrackingError as error:
        return replace(seen, problem=str(error))
    state = _state_of(folder, holder, glance.outcome)
    drawn = [trial for trial in glance.trials if trial.confirms is None]
    return replace(
        seen,
        state=state,
        started=glance.started,
        trials=[trial for trial in drawn if trial.left_out is None],
        left_out=[trial for trial in drawn if trial.left_out is not None],
        confirmations=[trial for trial in glance.trials if trial.confirms is not None],
    )


def sweeps_in(out: Path) -> list[SweepFolder]:
    """The sweeps below ``out``."""
    found = [SweepFolder(path) for path in out.iterdir()] if out.is_dir() else []
    return [one for one in found if one.record_file.exists() or one.process.exists()]


def find_sweep(out: Path, name: str) -> SweepFolder:
    """The sweep called ``name``; raises UserError, naming those that are there."""
    sweeps = {folder.name: folder for folder in sweeps_in(out)}
    if name not in sweeps:
        raise UserError(f"{out / name}: no such sweep; there are: {', '.join(sorted(sweeps)) or 'none'}")
    return sweeps[name]


def _state_of(folder: SweepFolder, holder: Holder | None, outcome: str) -> State:
    """MLflow says "running" of a sweep whose process was killed, too: only the lock tells them apart."""
    if holder is not None:
        return "stopping" if folder.stop_asked.exists() else "running"
    if outcome == "finished":
        return "finished"
    if outcome == "failed":
        return "failed"
    return "unknown" if outcome == "unknown" else "interrupted"
