"""The state of sweeps, read from their folders: without Ray, torch or MLflow, so that it takes no second."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from platform.config.errors import UserError
from platform.storage.no_links import refuse_links
from platform.tracking.own_mlflow import refuse_strange
from platform.tracking.reading.overview import SweepGlance, TrialGlance, glance_at_spool
from platform.tracking.tracking_config import TrackingError
from platform.tuning.folder.process_lock import SweepProcess, read_process, running
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from platform.tuning.stopping.balance import Balance, read_balance

State = Literal["starting", "running", "stopping", "interrupted", "finished", "failed", "unknown"]
OPEN = ("running", "interrupted")


@dataclass(frozen=True)
class SweepState:
    """What ``--list`` and ``--status`` show of a sweep.

    Attributes:
        metric: The first of ``goals``; ``best`` and each trial's values are of this metric.
        started: Seconds since 1970.
        process: The process that runs the sweep, or ran it last.
        trials: The search's trials that fit its space.
        confirmations: The best trials, repeated with other seeds.
        left_out: The search's trials that do not fit the changed space.
        balance: The budget, and what has been spent.
        problem: Why MLflow could not be asked.
    """

    name: str
    path: str
    state: State
    metric: str = ""
    mode: str = "max"
    started: float | None = None
    process: SweepProcess | None = None
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
        return self.process.trials if self.process else None

    @property
    def reused(self) -> list[TrialGlance]:
        """Trials whose results come from earlier sweeps."""
        return [trial for trial in self.trials if trial.reused_from is not None]

    @property
    def _trained(self) -> list[TrialGlance]:
        return [trial for trial in self.trials if trial.reused_from is None]

    @property
    def epochs(self) -> int:
        """Epochs trained in this sweep; those of reused trials do not count."""
        return sum(trial.epochs for trial in self._trained)

    @property
    def seconds(self) -> float:
        """Training time of these epochs, summed over the trials."""
        return sum(trial.seconds for trial in self._trained)

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(trial.outcome for trial in self.trials))

    @property
    def epochs_left(self) -> int | None:
        """The most epochs that may follow, in trials that have not ended or not begun."""
        if self.process is None:
            return None
        if self.state in ("finished", "failed"):
            return 0
        whole = self.process.epochs_a_trial
        begun = sum(max(0, whole - trial.epochs) for trial in self.trials if trial.outcome in OPEN)
        return begun + whole * max(0, self.process.trials - len(self.trials))

    @property
    def seconds_left(self) -> float | None:
        """Time for the epochs left at the mean pace so far, with as many trials at once as now."""
        at_once = sum(trial.outcome == "running" for trial in self.trials)
        if not self.epochs or self.epochs_left is None or not at_once or self.state != "running":
            return None
        return self.epochs_left * self.seconds / self.epochs / at_once


def sweep_state(folder: SweepFolder) -> SweepState:
    """Read the state of the sweep in ``folder``; raises UserError if it holds no sweep, or links and pipes.

    If MLflow does not answer, ``problem`` says so and the trials are missing.
    """
    refuse_links(folder.path, locks=folder.study_lock, deep=False)
    process = running(folder)
    if process is not None and not folder.record_file.exists():
        return SweepState(folder.name, str(folder.path), "starting", process=process, started=process.began)
    record = folder.read_record()
    sweep = SweepState(
        name=folder.name,
        path=str(folder.path),
        state=_state_of(folder, process, "unknown"),
        metric=record.metric,
        mode=record.mode,
        goals=tuple(map(str, record.goals)),
        process=process or read_process(folder),
        balance=read_balance(folder),
    )
    try:
        overview = _overview(folder, record)
    except TrackingError as error:
        return replace(sweep, problem=str(error))
    state = _state_of(folder, process, overview.outcome)
    drawn = [trial for trial in overview.trials if trial.confirms is None]
    return replace(
        sweep,
        state=state,
        started=overview.started,
        trials=[trial for trial in drawn if trial.left_out is None],
        left_out=[trial for trial in drawn if trial.left_out is not None],
        confirmations=[trial for trial in overview.trials if trial.confirms is not None],
    )


def _overview(folder: SweepFolder, record: SweepIdentity) -> SweepGlance:
    """From the sweep's own spool; a sweep without one is asked of MLflow, which takes seconds to import."""
    if glance := glance_at_spool(record.writer_state, folder.spool, record.metric, record.mode):
        return glance
    refuse_strange(record.tracking_uri, folder.path)
    from platform.tracking.reading.overview_in_mlflow import glance_at

    return glance_at(record.tracking_uri, record.parent_run_id, record.metric, record.mode)


def sweeps_in(out: Path) -> list[SweepFolder]:
    """All sweeps in the folder ``out``, those that are starting, too; not what one left that died then."""
    found = [SweepFolder(path) for path in out.iterdir()] if out.is_dir() else []
    return [one for one in found if one.record_file.exists() or running(one) is not None]


def find_sweep(out: Path, name: str) -> SweepFolder:
    """The sweep called ``name``; raises UserError, which lists the sweeps that exist."""
    sweeps = {folder.name: folder for folder in sweeps_in(out)}
    if name not in sweeps:
        raise UserError(f"{out / name}: no such sweep; there are: {', '.join(sorted(sweeps)) or 'none'}")
    return sweeps[name]


def _state_of(folder: SweepFolder, process: SweepProcess | None, outcome: str) -> State:
    """MLflow calls a sweep whose process was killed "running" too: only the lock tells the two apart."""
    if process is not None:
        return "stopping" if folder.stop_asked.exists() else "running"
    if outcome == "finished":
        return "finished"
    if outcome == "failed":
        return "failed"
    return "unknown" if outcome == "unknown" else "interrupted"
