"""joint.json, which names the sweeps of a joint report and marks its folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from platform.config.errors import UserError
from platform.storage.whole_files import read_record, write_whole
from platform.tracking.records import TrialRecord
from platform.tuning.folder.received import check_folder
from platform.tuning.folder.sweep_folder import RECORD, SweepFolder

FILE = "joint.json"
_NAMED = 3  # sweeps, in the name of a joint report that was given none


class JointRecord(BaseModel):
    """``sweeps``: their folders, relative to the report's, so that you can move all of them together."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    sweeps: tuple[str, ...] = Field(min_length=1, strict=False)


def write_joint(folder: Path, sweeps: Sequence[Path]) -> None:
    relative = tuple(os.path.relpath(sweep.resolve(), folder.resolve()) for sweep in sweeps)
    write_whole(folder / FILE, JointRecord(sweeps=relative).model_dump_json(indent=1))


def read_joint_record(folder: Path) -> list[Path] | None:
    """The sweeps' folders; None if the folder is not a joint report's.

    Raises:
        UserError: joint.json cannot be read.
    """
    record = read_record(folder / FILE, JointRecord)
    if record is None:
        return None
    return [Path(os.path.normpath(folder / sweep)) for sweep in record.sweeps]


def check_reportable(folder: Path) -> None:
    """Raise UserError if the folder belongs neither to a sweep nor to a joint report, or has links in it."""
    check_folder(SweepFolder(folder))
    for sweep in read_joint_record(folder) or [folder]:
        if sweep != folder:
            check_folder(SweepFolder(sweep))
        SweepFolder(sweep).read_record()


def joint_place(sweeps: Sequence[Path], name: str | None = None) -> Path:
    """The folder of a joint report beside the first sweep, called ``name`` or after its sweeps."""
    names = [sweep.resolve().name for sweep in sweeps]
    more = [f"{len(names) - _NAMED}-more"] if len(names) > _NAMED else []
    return sweeps[0].parent / (name or "+".join([*names[:_NAMED], *more]))


def refuse_taken(out: Path) -> None:
    """Raise UserError if ``out`` exists and is not a joint report."""
    if (out / RECORD).exists():
        raise UserError(f"--out: {out} is a sweep's own folder; name another for the joint report")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out: {out} is not a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / FILE).exists():
        raise UserError(f"--out: {out} holds something else than a joint report; name another folder")


def sweep_of(trial: TrialRecord) -> str:
    """The sweep's name in a joint report; "" in the report of a single sweep."""
    return trial.trial_id.rpartition("/")[0]
