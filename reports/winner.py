"""What the report chose to predict with, written down for ``--predict``: report/winner.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from platform.datasets.geometry import KeptSize
from platform.datasets.prepare import kept_size
from platform.training.description import DESCRIPTION
from platform.training.folder import Folder
from reports.contents import Ensembles
from reports.ensemble import rules
from reports.evaluate import ReportError, checkpoint_digest, find_checkpoint
from reports.finalists import write_whole
from reports.rank import RankedTrial, number

if TYPE_CHECKING:
    from reports.inputs import Inputs  # imports MLflow, which predicting does without

FILE = "winner.json"


class Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Member(Record):
    """A trial's checkpoint; its path is relative to the sweep's folder where it lies in there, or a URI."""

    trial: str
    checkpoint: str
    digest: str


class Winner(Record):
    """The ensemble that beat the best single trial on validation, else that trial: ``rule`` is None then.

    ``value`` of ``metric`` is what it reached there. ``kept``: how large the sweep kept its images.
    """

    format: Literal[1] = 1
    rule: str | None
    metric: str
    value: float
    members: tuple[Member, ...] = Field(min_length=1)
    classes: tuple[str, ...]
    kept: KeptSize

    def __str__(self) -> str:
        trials = ", ".join(member.trial for member in self.members)
        named = self.rule and f"{self.rule.replace('_', ' ')} of {len(self.members)} trials ({trials})"
        return f"{named or f'trial {trials}'}, {self.metric} {number(self.value)} on validation"


def write_winner(inputs: "Inputs", ranking: Sequence[RankedTrial], ensembles: Ensembles | None) -> None:
    """Record what was chosen; where no trial left a checkpoint, an older record goes."""
    file = inputs.folder.report / FILE
    winner = _choose(inputs, ensembles) if ensembles else _first_that_is_there(inputs, ranking)
    if winner is None:
        file.unlink(missing_ok=True)
    else:
        write_whole(file, winner.model_dump_json(indent=1))


def read_winner(report_folder: Path) -> Winner | None:
    """None where there is no record, or one that this version did not write: a report makes it anew."""
    try:
        winner = Winner.model_validate_json((report_folder / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return winner if winner.rule is None or winner.rule in rules() else None


def _choose(inputs: "Inputs", ensembles: Ensembles) -> Winner:
    best = ensembles.winner
    evaluated = [ensembles.evaluated[place] for place in (best.members if best else (0,))]
    metrics = best.metrics if best else evaluated[0].metrics
    members = [_member(inputs, one.ranked, one.checkpoint, one.digest) for one in evaluated]
    rule = best.rule if best else None
    return _winner(inputs, rule, metrics[inputs.metric], members, evaluated[0].checkpoint)


def _first_that_is_there(inputs: "Inputs", ranking: Sequence[RankedTrial]) -> Winner | None:
    """Where nothing could be evaluated: the best trial by what was logged that has its checkpoint still."""
    for ranked in ranking:
        try:
            checkpoint = find_checkpoint(inputs.trials, ranked.trial, inputs.metric, inputs.mode)
            member = _member(inputs, ranked, checkpoint, checkpoint_digest(checkpoint.fetched()))
            return _winner(inputs, None, ranked.best, [member], checkpoint)
        except ReportError:
            continue
    return None


def _winner(
    inputs: "Inputs", rule: str | None, value: float, members: Sequence[Member], checkpoint: Folder
) -> Winner:
    """``checkpoint``: of any member, to read the classes from."""
    return Winner(
        rule=rule,
        metric=inputs.metric,
        value=value,
        members=tuple(members),
        classes=_classes(checkpoint),
        kept=kept_size(inputs.data_config, inputs.image_size),
    )


def _member(inputs: "Inputs", ranked: RankedTrial, checkpoint: Folder, digest: str) -> Member:
    path = _path_in(inputs.folder.path, checkpoint)
    return Member(trial=ranked.trial.trial_id, checkpoint=path, digest=digest)


def _path_in(root: Path, folder: Folder) -> str:
    if folder.local is None:
        return str(folder)
    real, real_root = folder.local.resolve(), root.resolve()
    return real.relative_to(real_root).as_posix() if real.is_relative_to(real_root) else str(real)


def _classes(checkpoint: Folder) -> tuple[str, ...]:
    try:
        return tuple(json.loads(checkpoint.read(DESCRIPTION))["classes"])
    except (ValueError, KeyError) as error:
        raise ReportError(f"{checkpoint / DESCRIPTION}: broken ({error})") from error
