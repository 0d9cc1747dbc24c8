"""Combine several sweeps over the same data for one joint report."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from platform.config.errors import UserError
from platform.config.invocation import command_line
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import counted
from platform.datasets.image_size import covering
from platform.tracking.records import SweepRecord, TrialRecord
from platform.tuning.folder.received import check_folder
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from reports.ranking.rank import RankedTrial, rank_trials
from reports.sweeps.comparable import refuse_unlike
from reports.sweeps.contents import Joined
from reports.sweeps.inputs import Inputs, read_inputs
from reports.sweeps.joint_record import sweep_of

UNENDED = ("running", "interrupted")


@dataclass(frozen=True)
class Joint(Inputs):
    """``parts``: the sweeps with their names in this report, which calls their trials NAME/0003."""

    parts: tuple[tuple[str, Inputs], ...] = ()

    @property
    def manifest(self) -> Path:
        return self.parts[0][1].manifest

    @property
    def space_yaml(self) -> str:
        return ""

    @property
    def bad_images(self) -> list[tuple[str, str]]:
        return self.parts[0][1].bad_images

    @property
    def data_remarks(self) -> list[str]:
        return self.parts[0][1].data_remarks

    @property
    def joined(self) -> tuple[Joined, ...]:
        return tuple(
            Joined(name, str(one.folder.path), _link(self.folder, one.folder), one.identity, one.sweep)
            for name, one in self.parts
        )

    def owner(self, trial: TrialRecord) -> tuple[Inputs, TrialRecord]:
        name, _, own = trial.trial_id.rpartition("/")
        return dict(self.parts)[name], replace(trial, trial_id=own)

    def candidates(self, foremost: list[RankedTrial], ranking: Sequence[RankedTrial]) -> list[RankedTrial]:
        """The foremost trials and the best trial of each sweep."""
        chosen = {one.trial.trial_id for one in foremost}
        seen: set[str] = set()
        for one in ranking:
            name = sweep_of(one.trial)
            chosen |= set() if name in seen else {one.trial.trial_id}
            seen.add(name)
        return [one for one in ranking if one.trial.trial_id in chosen]


def read_joint(
    folders: Sequence[Path],
    out: Path,
    top: int | None,
    *,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    notices: Sequence[str] = (),
) -> Joint:
    """Read everything but the images; settings that are None come from the most generous sweep.

    Raises:
        UserError: a folder is not a sweep's or is named twice; the sweeps cannot be compared
            (:mod:`.comparable`); no trial reported the metric; MLflow does not answer and there is no spool.
    """
    _refuse_twice(folders)
    check_folder(SweepFolder(out))
    sweeps = [
        read_inputs(folder, top, max_members=max_members, max_latency_ms=max_latency_ms) for folder in folders
    ]
    refuse_unlike(sweeps)
    parts = tuple(zip(_names(folders), sweeps, strict=True))
    first, latencies = sweeps[0], [one.max_latency_ms for one in sweeps]
    known = [latency for latency in latencies if latency is not None]
    return Joint(
        folder=SweepFolder(out),
        identity=_identity(out, sweeps),
        sweep=_side_by_side(out.resolve().name, parts),
        loaded=first.loaded,
        data_config=_data_config(sweeps),
        image_size=covering(one.image_size for one in sweeps),
        top=max(one.top for one in sweeps),
        max_members=max(one.max_members for one in sweeps),
        max_latency_ms=max(known) if len(known) == len(latencies) else None,
        undelivered="; ".join(one.undelivered for one in sweeps if one.undelivered) or None,
        repeats=[_renamed(name, trial) for name, one in parts for trial in one.repeats],
        notices=(
            *notices,
            *(notice for one in sweeps for notice in one.notices),
            *_without_rank(parts),
            *_other_shots(sweeps),
        ),
        parts=parts,
    )


def _refuse_twice(folders: Sequence[Path]) -> None:
    for folder, times in Counter(folder.resolve() for folder in folders).items():
        if times > 1:
            raise UserError(f"{folder}: is named {times} times; a joint report takes each sweep once")


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names, numbered where several are equal."""
    names: list[str] = []
    for folder in folders:
        own = folder.resolve().name
        candidates = (own if nth == 1 else f"{own}-{nth}" for nth in range(1, len(folders) + 1))
        names.append(next(name for name in candidates if name not in names))
    return names


def _identity(out: Path, sweeps: Sequence[Inputs]) -> SweepIdentity:
    """The settings that the sweeps share, and the command that joins them."""
    uris = {one.identity.tracking_uri for one in sweeps}
    commits = {one.identity.git_commit for one in sweeps}
    return replace(
        sweeps[0].identity,
        name=out.resolve().name,
        experiment="",
        experiment_id="",
        parent_run_id="",
        trials=None,
        tracking_uri=uris.pop() if len(uris) == 1 else "",
        git_commit=commits.pop() if len(commits) == 1 else "",
        command=command_line("reports", *(one.folder.path for one in sweeps), "--out", out),
    )


def _side_by_side(name: str, parts: Sequence[tuple[str, Inputs]]) -> SweepRecord:
    outcomes = [one.sweep.outcome for _, one in parts]
    trials = [_renamed(part, trial) for part, one in parts for trial in one.sweep.trials]
    unended = next((outcome for outcome in outcomes if outcome in UNENDED), None)
    return SweepRecord("", "", name, unended or "finished", {}, {}, trials)


def _renamed(name: str, trial: TrialRecord) -> TrialRecord:
    confirms = trial.confirms and f"{name}/{trial.confirms}"
    return replace(trial, trial_id=f"{name}/{trial.trial_id}", confirms=confirms)


def _data_config(sweeps: Sequence[Inputs]) -> DataConfig:
    """The first sweep's, with the largest decode size of all sweeps."""
    sizes = [one.data_config.decode_size for one in sweeps]
    known = [size for size in sizes if size != "auto"]
    largest = max(known) if len(known) == len(sizes) else "auto"
    return sweeps[0].data_config.model_copy(update={"decode_size": largest})


def _without_rank(parts: Sequence[tuple[str, Inputs]]) -> list[str]:
    """A sentence on sweeps without a ranked trial; raises UserError if no sweep has one."""
    metric, mode = parts[0][1].metric, parts[0][1].mode
    empty = [name for name, one in parts if not rank_trials(one.sweep.trials, metric, mode)]
    if len(empty) == len(parts):
        folders = ", ".join(str(one.folder.path) for _, one in parts)
        raise UserError(f"{folders}: no trial of these sweeps reported {metric}: there is nothing to rank")
    if not empty:
        return []
    of_all = f"{len(empty)} of {counted(len(parts), 'sweep')} {'has' if len(empty) == 1 else 'have'}"
    return [f"{of_all} no trial that reported {metric}: {', '.join(empty)}."]


def _other_shots(sweeps: Sequence[Inputs]) -> list[str]:
    shots = {(one.data_config.many_shot, one.data_config.few_shot) for one in sweeps}
    if len(shots) == 1:
        return []
    bounds = "; ".join(f"above {many} and below {few}" for many, few in sorted(shots))
    return [f"The sweeps call different classes many-shot and few-shot, by their training images ({bounds})."]


def _link(joint: SweepFolder, sweep: SweepFolder) -> str | None:
    page = sweep.report / "index.html"
    if not page.exists():
        return None
    return quote(Path(os.path.relpath(page.resolve(), joint.report.resolve())).as_posix())
