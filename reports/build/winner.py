"""What the report chose to predict with, written down for ``--predict``: report/winner.json."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from platform.datasets.geometry import KeptSize
from platform.datasets.batches.prediction_views import PLAIN, View
from platform.datasets.preparation.prepare import kept_size
from platform.training.checkpoints.description import DESCRIPTION
from platform.storage.folder import Folder
from platform.training.evaluation.retrieval import METRICS
from reports.ensembles.concat import RULE
from reports.sweeps.contents import Ensembles
from reports.ensembles.embedding_ensembles import RULES as OF_EMBEDDINGS
from reports.ensembles.rules import Learnt, rules
from reports.evaluation.checkpoints import ReportError, checkpoint_digest, find_checkpoint
from platform.storage.whole_files import npz, read_npz, write_whole
from reports.ranking.rank import RankedTrial, number
from reports.ensembles.selection import Ensemble, Kind, in_full
from reports.evaluation.soup import remove_others

if TYPE_CHECKING:
    from reports.sweeps.inputs import Inputs  # imports MLflow, which predicting does without

FILE = "winner.json"
LEARNT = "learnt"


class Record(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Member(Record):
    """A trial's checkpoint; its path is relative to the sweep's folder where it lies in there, or a URI.

    ``temperature``: by which the logarithms of its probabilities are divided. ``view``: how it is shown
    images; ``soup``: the trials whose weights' mean the checkpoint holds, ``trial`` the best of them.
    """

    trial: str
    checkpoint: str
    digest: str
    temperature: float = Field(1.0, gt=0)
    view: View = PLAIN
    soup: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """ "0003", "0003 flip", "0001 + 0003"."""
        of = " + ".join(self.soup) or self.trial
        return of if self.view == PLAIN else f"{of} {self.view.name}"


class Winner(Record):
    """The ensemble that beat the best single trial on validation, else that trial: ``rule`` is None then.

    ``value`` of ``metric`` is what it reached there. ``kept``: how large the sweep kept its images.
    ``learnt``: the file beside this one with what the rule learnt, None where it learns nothing;
    ``temperature``: of the whole ensemble; ``kind``: what its members are. Format 2 knew no views and soups;
    it is read as it is.
    """

    format: Literal[2, 3] = 3
    rule: str | None
    kind: Kind = "trials"
    learnt: str | None = None
    temperature: float = Field(1.0, gt=0)
    metric: str
    value: float
    members: tuple[Member, ...] = Field(min_length=1)
    classes: tuple[str, ...]
    kept: KeptSize

    @property
    def is_retrieval(self) -> bool:
        """Whether it was chosen by how well it finds identities again: it embeds then, and knows no class."""
        name = self.metric.rpartition("/")[2].partition("_network_")[0]
        return name in METRICS

    def __str__(self) -> str:
        members = ", ".join(member.name for member in self.members)
        if self.rule is None:
            named = f"trial {members}"
        else:
            named = f"{in_full(self.rule, self.kind, len(self.members))} ({members})"
        return f"{named}, {self.metric} {number(self.value)} on validation"


def write_winner(inputs: "Inputs", ranking: Sequence[RankedTrial], ensembles: Ensembles | None) -> None:
    """Record what was chosen; where no trial left a checkpoint, an older record goes."""
    file = inputs.folder.report / FILE
    winner = _choose(inputs, ensembles) if ensembles else _first_that_is_there(inputs, ranking)
    if winner is None:
        file.unlink(missing_ok=True)
    else:
        write_whole(file, winner.model_dump_json(indent=1))
    for learnt in file.parent.glob(f"{LEARNT}-*.npz"):
        if winner is None or learnt.name != winner.learnt:
            learnt.unlink()
    remove_others(inputs.folder.path, ensembles.others if ensembles else ())


def read_winner(report_folder: Path) -> Winner | None:
    """None where there is no record, or one that this version did not write: a report makes it anew."""
    try:
        winner = Winner.model_validate_json((report_folder / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return winner if winner.rule in {None, RULE, *rules(), *OF_EMBEDDINGS} else None


def ensemble_of(winner: Winner, report_folder: Path) -> Ensemble | None:
    """What combines the members' logits, each at its own temperature; None of a single trial.

    Raises:
        ReportError: the file of what its rule learnt is broken.
    """
    if winner.rule is None:
        return None
    learnt = {} if winner.learnt is None else read_npz(report_folder / winner.learnt)
    if learnt is None:
        raise ReportError(f"{report_folder / str(winner.learnt)}: is gone or broken; make the report again")
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
    """The arrays in a file that is named after what is in it."""
    content = npz(learnt)
    name = f"{LEARNT}-{hashlib.sha256(content).hexdigest()[:12]}.npz"
    write_whole(report_folder / name, content)
    return name


def _first_that_is_there(inputs: "Inputs", ranking: Sequence[RankedTrial]) -> Winner | None:
    """Where nothing could be evaluated: the best trial by what was logged that has its checkpoint still."""
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
    """Of no rule yet. ``checkpoint``: of any member, to read the classes from."""
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
        return tuple(json.loads(checkpoint.read(DESCRIPTION))["classes"])
    except (ValueError, KeyError) as error:
        raise ReportError(f"{checkpoint / DESCRIPTION}: broken ({error})") from error
