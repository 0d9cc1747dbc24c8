"""What makes a folder that of a joint report: joint.json names the sweeps that it is of."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from platform.config.errors import UserError
from platform.tracking.records import TrialRecord
from platform.tuning.folder.sweep_folder import RECORD, SweepFolder
from platform.storage.whole_files import write_whole

FILE = "joint.json"
_NAMED = 3  # sweeps, in the name of a joint report that was given none


class JointRecord(BaseModel):
    """``sweeps``: their folders, relative to that of the report, so that all may be moved together."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    sweeps: tuple[str, ...] = Field(min_length=1, strict=False)


def write_joint(folder: Path, sweeps: Sequence[Path]) -> None:
    relative = tuple(os.path.relpath(sweep.resolve(), folder.resolve()) for sweep in sweeps)
    write_whole(folder / FILE, JointRecord(sweeps=relative).model_dump_json(indent=1))


def read_joint_record(folder: Path) -> list[Path] | None:
    """The sweeps' folders; None where this is no joint report's folder.

    Raises:
        UserError: its joint.json is broken.
    """
    try:
        record = JointRecord.model_validate_json((folder / FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        raise UserError(f"{folder / FILE}: cannot be read as a joint report's record") from error
    return [Path(os.path.normpath(folder / sweep)) for sweep in record.sweeps]


def check_reportable(folder: Path) -> None:
    """Raises UserError where a folder is neither a sweep's nor that of a joint report of sweeps."""
    for sweep in read_joint_record(folder) or [folder]:
        SweepFolder(sweep).read_record()


def joint_place(sweeps: Sequence[Path], name: str | None = None) -> Path:
    """Beside the first sweep, the folder of a report that is called ``name``, or after its sweeps."""
    names = [sweep.resolve().name for sweep in sweeps]
    more = [f"{len(names) - _NAMED}-more"] if len(names) > _NAMED else []
    return sweeps[0].parent / (name or "+".join([*names[:_NAMED], *more]))


def refuse_taken(out: Path) -> None:
    """Raises UserError where something else than a joint report lies at ``out``."""
    if (out / RECORD).exists():
        raise UserError(f"--out: {out} is a sweep's own folder; name another for the joint report")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out: {out} is not a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).exists():
        raise UserError(f"--out: {out} holds something else than a joint report; name another folder")


def sweep_of(trial: TrialRecord) -> str:
    """The name of the sweep of a trial in a joint report; "" in that of a single sweep."""
    return trial.trial_id.rpartition("/")[0]
