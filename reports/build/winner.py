"""The winner: what the report chose to predict with, recorded in report/winner.json."""

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from platform.config.errors import UserError
from platform.config.invocation import command_line
from platform.datasets.batches.prediction_views import PLAIN, View
from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.prepare import kept_size
from platform.storage.folder import Folder
from platform.storage.whole_files import npz, read_npz, read_record, write_whole
from platform.training.checkpoints.description import read_description
from platform.training.errors import CheckpointError
from platform.training.evaluation.retrieval import METRICS
from reports.ensembles.concat import RULE
from reports.ensembles.embedding_ensembles import RULES as OF_EMBEDDINGS
from reports.ensembles.rules import Learnt, rules
from reports.ensembles.selection import Ensemble, Kind, in_full
from reports.evaluation.checkpoints import ReportError, checkpoint_digest, find_checkpoint
from reports.evaluation.soup import remove_others
from reports.ranking.rank import RankedTrial, number
from reports.sweeps.contents import Ensembles

if TYPE_CHECKING:
    from reports.sweeps.inputs import Inputs  # imports MLflow, which predicting does without

FILE = "winner.json"
LEARNT = "learnt"


class Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", ser_json_inf_nan="constants")


def _stays_below(name: str) -> str:
    """Raises ValueError for a name that would lead out of the folder in which a file is named after it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"must lead to nothing outside its folder, got {name!r}")
    return name


Name = Annotated[str, AfterValidator(_stays_below)]
"""A trial or file, as a stranger's winner.json may name one; exported files are named after trials."""


class Member(Record):
    """A trial's checkpoint; the path is relative to the sweep's folder if it lies there, or a URI.

    ``temperature``: divides the logarithms of its probabilities. ``view``: the test-time view of images;
    ``soup``: the trials whose mean weights the checkpoint holds, of which ``trial`` is the best.
    """

    trial: Name
    checkpoint: str
    digest: str
    temperature: float = Field(1.0, gt=0)
    view: View = PLAIN
    soup: tuple[Name, ...] = ()

    @property
    def name(self) -> str:
        """ "0003", "0003 flip", "0001 + 0003"."""
        trials = " + ".join(self.soup) or self.trial
        return trials if self.view == PLAIN else f"{trials} {self.view.name}"


class Winner(Record):
    """The ensemble that beat the best single trial on validation, or that trial: ``rule`` is None then.

    ``value``: its ``metric`` on validation. ``kept``: the size at which the sweep kept its images.
    ``learnt``: the file beside this one with what the rule learnt, None if it does not learn;
    ``temperature``: of the whole ensemble; ``kind``: what its members are. Format 2 has no views and soups
    and is still read. ``at_chance``: why its predictions are worth nothing, if it is no better than guessing.
    """

    format: Literal[2, 3] = 3
    rule: str | None
    kind: Kind = "trials"
    learnt: Name | None = None
    temperature: float = Field(1.0, gt=0)
    metric: str
    value: float
    members: tuple[Member, ...] = Field(min_length=1)
    classes: tuple[str, ...]
    kept: KeptSize
    at_chance: str | None = None

    @property
    def is_retrieval(self) -> bool:
        """Whether it was chosen by a retrieval metric; it gives embeddings then, not classes."""
        name = self.metric.rpartition("/")[2].partition("_network_")[0]
        return name in METRICS

    def __str__(self) -> str:
        members = ", ".join(member.name for member in self.members)
        if self.rule is None:
            named = f"trial {members}"
        else:
            named = f"{in_full(self.rule, self.kind, len(self.members))} ({members})"
        return f"{named}, {self.metric} {number(self.value)} on validation"


def write_winner(
    inputs: "Inputs",
    ranking: Sequence[RankedTrial],
    ensembles: Ensembles | None,
    at_chance: str | None = None,
) -> None:
    """Record the winner; if no trial has a checkpoint, delete the record of an earlier report."""
    file = inputs.folder.report / FILE
    winner = _choose(inputs, ensembles) if ensembles else _first_that_is_there(inputs, ranking)
    if winner is None:
        file.unlink(missing_ok=True)
    else:
        write_whole(file, winner.model_copy(update={"at_chance": at_chance}).model_dump_json(indent=1))
    for learnt in file.parent.glob(f"{LEARNT}-*.npz"):
        if winner is None or learnt.name != winner.learnt:
            learnt.unlink()
    remove_others(inputs.folder.path, ensembles.others if ensembles else ())


def read_winner(report_folder: Path) -> Winner | None:
    """The recorded winner; None if there is none or another version wrote it: make the report again then."""
    try:
        winner = read_record(report_folder / FILE, Winner)
    except UserError:
        return None
    is_known = winner is not None and winner.rule in {None, RULE, *rules(), *OF_EMBEDDINGS}
    return winner if is_known else None


def ensemble_of(winner: Winner, report_folder: Path) -> Ensemble | None:
    """The ensemble that combines the members' logits, each at its own temperature; None for a single trial.

    Raises:
        ReportError: the file with what its rule learnt is missing or broken.
    """
    if winner.rule is None:
        return None
    learnt = {} if winner.learnt is None else read_npz(report_folder / winner.learnt)
    if learnt is None:
        raise ReportError(
            f"{report_folder / str(winner.learnt)}: is missing or broken; make the report again with: "
            f"{command_line('reports', report_folder.parent)}"
        )
    members = tuple(range(len(winner.members)))
    return Ensemble(winner.rule, members, {}, learnt, winner.temperature, kind=winner.kind)


def _choose(inputs: "Inputs", ensembles: Ensembles) -> Winner:
    best = ensembles.winner
    evaluated = [ensembles.candidates[place] for place in (best.members if best else (0,))]
    metrics = best.metrics if best else evaluated[0].metrics
    members = [
        _member(inputs, one.ranked, one.checkpoint, one.digest).model_copy(
            update={"temperature": one.temperature, "view": one.view, "soup": one.soup}
        )
        for one in evaluated
    ]
    chosen = _winner(inputs, metrics[inputs.metric], members, evaluated[0].checkpoint)
    if best is None:
        return chosen
    learnt = _write_learnt(best.learnt, inputs.folder.report) if best.learnt else None
    of_rule = {"rule": best.rule, "kind": best.kind, "learnt": learnt, "temperature": best.temperature}
    return chosen.model_copy(update=of_rule)


def _write_learnt(learnt: Learnt, report_folder: Path) -> str:
    """Write the arrays to a file whose name has a digest of them."""
    content = npz(learnt)
    name = f"{LEARNT}-{hashlib.sha256(content).hexdigest()[:12]}.npz"
    write_whole(report_folder / name, content)
    return name


def _first_that_is_there(inputs: "Inputs", ranking: Sequence[RankedTrial]) -> Winner | None:
    """If nothing could be evaluated: the highest ranked trial that still has its checkpoint."""
    for ranked in ranking:
        try:
            sweep, own = inputs.owner(ranked.trial)
            checkpoint = find_checkpoint(sweep.trials, own, inputs.metric, inputs.mode)
            member = _member(inputs, ranked, checkpoint, checkpoint_digest(checkpoint.fetched()))
            return _winner(inputs, ranked.best, [member], checkpoint)
        except ReportError:
            continue
    return None


def _winner(inputs: "Inputs", value: float, members: Sequence[Member], checkpoint: Folder) -> Winner:
    """A winner without a rule; the classes are read from ``checkpoint``, that of any member."""
    return Winner(
        rule=None,
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
        return tuple(read_description(checkpoint)["classes"])
    except CheckpointError as error:
        raise ReportError(str(error)) from error
