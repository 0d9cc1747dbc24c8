"""A sweep's folder, runs/NAME/: where each of its files lies, and its record sweep.json."""

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from platform.config.errors import UserError
from platform.tracking.records import WriterState
from platform.storage.folder import Folder
from platform.tuning.goals import Goal
from platform.tuning.statistic import Direction, Statistic

RECORD = "sweep.json"
TRIALS = "trials"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
"""What a sweep may be called: it is a folder, a study and an MLflow run."""


@dataclass(frozen=True)
class SweepIdentity:
    """What sweep.json holds: all that a report or a resume needs besides the YAML and MLflow.

    ``directions``: of each goal by its metric, ``metric`` and ``mode`` being the first; empty in the record
    of an earlier version, which knew a single one. ``trials``: the folder of the trials' checkpoints, where
    it is not in the sweep's own.
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

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What the sweep looks for, the first one foremost."""
        return tuple(Goal(name, direction) for name, direction in self.directions.items()) or (
            Goal(self.metric, "min" if self.mode == "min" else "max"),
        )

    def trials_in(self, sweep: Folder) -> Folder:
        """One folder a trial, its checkpoints within; ``sweep``: the sweep's own folder, as it is now."""
        return sweep / TRIALS if self.trials is None else Folder.of(self.trials)

    @property
    def writer_state(self) -> WriterState:
        """What opens the sweep's writer again."""
        return WriterState(
            self.tracking_uri, self.experiment, self.experiment_id, self.parent_run_id, self.name
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
    def lock(self) -> Path:
        """Locked by the process that runs the sweep, as long as it does."""
        return self.path / "process.lock"

    @property
    def process(self) -> Path:
        """Says which process runs the sweep, or ran it last."""
        return self.path / "process.json"

    @property
    def stop_asked(self) -> Path:
        """Is there once that process was asked to stop."""
        return self.path / "process.stop"

    @property
    def budget(self) -> Path:
        """What the sweep may spend and has spent, by all its processes so far."""
        return self.path / "budget.json"

    @property
    def confirmations(self) -> Path:
        """The best trials again with other seeds, as far as they are; see platform.tuning.search.confirmations."""
        return self.path / "confirmations.json"

    @property
    def space(self) -> Path:
        return self.path / "space.yaml"

    @property
    def given(self) -> Path:
        """What the commands have given: SPACE.yaml as it stood, and overrides; see platform.tuning.resume.given_settings."""
        return self.path / "given.json"

    @property
    def study(self) -> Path:
        """Optuna's journal of the study, where search.storage names no other storage."""
        return self.path / "optuna_journal.log"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.parquet"

    @property
    def bad_images(self) -> Path:
        return self.path / "bad_images.csv"

    @property
    def trials_csv(self) -> Path:
        return self.path / "trials.csv"

    @property
    def spool(self) -> Path:
        """What MLflow was or will be told, in order; its position and lock lie beside it."""
        return self.path / "mlflow_spool.jsonl"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def trials(self) -> Path:
        """One folder a trial, its checkpoints within, where storage.path says nothing else."""
        return self.path / TRIALS

    @property
    def report(self) -> Path:
        return self.path / "report"

    def write_record(self, record: SweepIdentity) -> None:
        temporary = self.record_file.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.record_file)

    def read_record(self) -> SweepIdentity:
        return read_identity(self.path)


def read_identity(folder: Path | Folder) -> SweepIdentity:
    """The record of the sweep in ``folder``; raises UserError where there is none."""
    try:
        return SweepIdentity(**json.loads(Folder.of(folder).read(RECORD)))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder}: is not a sweep's folder (it has no {RECORD})") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder / RECORD}: cannot be read as a sweep's record: {error}") from None


def new_folder(out: Path, name: str, *, is_given: bool) -> SweepFolder:
    """Make the folder of a new sweep, so that it is nobody else's.

    A name that the user gave must be free; a space's own gets -2, -3 … Raises UserError, also where the
    folder cannot be made.
    """
    if not re.fullmatch(NAME, name):
        raise UserError(f"--name: must be letters, digits, '.', '_' and '-', got {name!r}")
    candidates = [name] if is_given else [name, *(f"{name}-{count}" for count in range(2, 10_000))]
    for candidate in candidates:
        path = out / candidate
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            return SweepFolder(path)
        except FileExistsError:
            if not out.is_dir():
                raise UserError(f"--out: {out} is not a folder") from None
        except OSError as error:
            raise UserError(f"--out: {path} cannot be made: {error.strerror}") from None
    raise UserError(
        f"{out / name}: a sweep of this name is there; go on with it by --resume, or give another --name"
    )


def folder_to_resume(out: Path, name: str, *, is_given: bool) -> SweepFolder:
    """The sweep to go on with: the named one, or the newest of the space's own name."""
    known = [out / name] if is_given else [out / name, *out.glob(f"{name}-[0-9]*")]
    sweeps = [SweepFolder(path) for path in known if SweepFolder(path).record_file.exists()]
    if not sweeps:
        there = sorted(path.parent.name for path in out.glob("*/sweep.json"))
        raise UserError(
            f"{out / name}: no sweep to resume; there are: {', '.join(there) if there else 'none'}"
        )
    return max(sweeps, key=lambda sweep: sweep.record_file.stat().st_mtime)
