"""A sweep's folder runs/NAME/: the paths of its files, its record sweep.json, and which folder is used."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from platform.config.errors import UserError
from platform.storage.folder import Folder
from platform.storage.whole_files import parse_record, write_whole
from platform.tracking.records import WriterState
from platform.tuning.goals import Direction, Goal, Statistic

RECORD = "sweep.json"
TRIALS = "trials"
NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]*"
"""Names that a sweep may have, as it names a folder, a study and an MLflow run."""


@dataclass(frozen=True)
class SweepIdentity:
    """The content of sweep.json: what reports and ``--resume`` need besides the YAML and MLflow.

    Attributes:
        directions: Each goal's direction by metric, of which ``metric`` and ``mode`` are the first; empty in
            records of versions that knew a single goal.
        trials: The folder of the trials' checkpoints, if it is not in the sweep's own folder.
        injected: One line each on imbalance and noise that were added to the data on purpose.
    """

    name: str
    experiment: str
    experiment_id: str
    metric: str
    mode: str
    top: int
    seed: int
    tracking_uri: str
    parent_run_id: str
    data_digest: str
    command: str
    git_commit: str
    statistic: Statistic = "best"
    directions: dict[str, Direction] = field(default_factory=dict)
    trials: str | None = None
    injected: tuple[str, ...] = ()

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The sweep's goals, the most important first."""
        return tuple(Goal(name, direction) for name, direction in self.directions.items()) or (
            Goal(self.metric, "min" if self.mode == "min" else "max"),
        )

    def trials_in(self, sweep: Folder) -> Folder:
        """The folder with one folder of checkpoints per trial; ``sweep``: where the sweep's folder is now."""
        return sweep / TRIALS if self.trials is None else Folder.of(self.trials)

    @property
    def writer_state(self) -> WriterState:
        """The state with which the sweep's writer is opened again."""
        return WriterState(
            self.tracking_uri, self.experiment, self.experiment_id, self.parent_run_id, self.name
        )

    def moved_to(self, state: WriterState) -> "SweepIdentity":
        """The same sweep with its MLflow runs elsewhere."""
        return replace(
            self,
            tracking_uri=state.uri,
            experiment_id=state.experiment_id,
            parent_run_id=state.parent_run_id,
        )


@dataclass(frozen=True)
class SweepFolder:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def record_file(self) -> Path:
        return self.path / RECORD

    @property
    def opening(self) -> Path:
        """The sweep's run in MLflow, from its creation until the record is written."""
        return self.path / "opening.json"

    @property
    def lock(self) -> Path:
        """Locked by the process that runs the sweep."""
        return self.path / "process.lock"

    @property
    def process(self) -> Path:
        """Describes the process that runs the sweep, or ran it last."""
        return self.path / "process.json"

    @property
    def stop_asked(self) -> Path:
        """Exists once that process has been asked to stop."""
        return self.path / "process.stop"

    @property
    def budget(self) -> Path:
        """The budget, and what all processes of the sweep have spent."""
        return self.path / "budget.json"

    @property
    def confirmations(self) -> Path:
        """The repeats of the best trials with other seeds: ``search/confirmations.py``."""
        return self.path / "confirmations.json"

    @property
    def space(self) -> Path:
        return self.path / "space.yaml"

    @property
    def given(self) -> Path:
        """SPACE.yaml and overrides as the commands gave them: ``resume/given_settings.py``."""
        return self.path / "given.json"

    @property
    def study(self) -> Path:
        """Optuna's journal of the study, unless search.storage names another storage."""
        return self.path / "optuna_journal.log"

    @property
    def study_lock(self) -> str:
        """With this begin the names of the links by which Optuna locks the journal, for an instant."""
        return f"{self.study.name}.lock"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.parquet"

    @property
    def bad_images(self) -> Path:
        return self.path / "bad_images.csv"

    @property
    def passed_over(self) -> Path:
        """The files of the source that are not read, and why."""
        return self.path / "passed_over.csv"

    @property
    def data_remarks(self) -> Path:
        """What was passed over or assumed when the data were read: a JSON list of sentences."""
        return self.path / "data_remarks.json"

    @property
    def trials_csv(self) -> Path:
        return self.path / "trials.csv"

    @property
    def spool(self) -> Path:
        """All writes to MLflow, in order; the position of the next one and a lock lie beside it."""
        return self.path / "mlflow_spool.jsonl"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def trials(self) -> Path:
        """One folder of checkpoints per trial, unless storage.path is set."""
        return self.path / TRIALS

    @property
    def report(self) -> Path:
        return self.path / "report"

    def write_record(self, record: SweepIdentity) -> None:
        write_whole(self.record_file, json.dumps(asdict(record), indent=2))

    def read_record(self) -> SweepIdentity:
        return read_identity(self.path)


def read_identity(folder: Path | Folder) -> SweepIdentity:
    """The record of the sweep in ``folder``; raises UserError if there is none."""
    try:
        content = Folder.of(folder).read(RECORD)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder}: is not a sweep's folder (it has no {RECORD})") from None
    return parse_record(content, SweepIdentity, source=str(folder / RECORD))
