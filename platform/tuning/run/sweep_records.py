"""A sweep's records: its folder's files, its parent run, and what of both is otherwise once it goes on."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from platform.config.document import write_yaml
from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.tracking.environment import code_version
from platform.tracking.records import DatasetRecord, SweepDescription, WriterState
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.tracking_config import resolve_uri
from platform.tracking.writing.writer import SweepWriter
from platform.storage.folder import Folder
from platform.tuning.folder.checkpoint_place import publish, trials_elsewhere
from platform.tuning.names import flatten, is_below
from platform.tuning.search.past_trials import LeftOut
from platform.tuning.run.plan import Plan, as_text
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity


def open_sweep(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data) -> None:
    """Write space.yaml and sweep.json, and start the parent run with all that holds for every trial."""
    write_yaml(loaded.document.tree, folder.space)
    state = SweepWriter.open(resolve_uri(plan.config.tracking), plan.experiment, folder.name).state
    command = f"python -m platform.search {shlex.join(sys.argv[1:])}"
    folder.write_record(_identity(plan, folder, data, state, command))
    with SpooledWriter(state, folder.spool) as writer:
        writer.log_sweep(_description(plan, folder, data, command))
        writer.catch_up()  # a sweep does not start without MLflow
    publish(folder, folder.read_record().trials_in(Folder.of(folder.path)))


def go_on_with(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder) -> None:
    """Write down what the sweep goes by from now on; its study is for it already."""
    write_yaml(loaded.document.tree, folder.space)
    top, statistic = plan.config.report.top, plan.config.search.statistic
    folder.write_record(replace(folder.read_record(), top=top, statistic=statistic))


def tell_of_space(writer: SpooledWriter, plan: Plan, folder: SweepFolder, left: Sequence[LeftOut]) -> None:
    """Let MLflow have the space and the trials that do not fit it, unless that is what it was told last."""
    space = folder.space.read_text(encoding="utf-8")
    why = {one.name: one.why for one in left if one.name in writer.started}
    if (space, why) == writer.space:
        return
    unfinished = [one.name for one in left if one.name in why and not one.has_ended]
    writer.change_space(
        space_yaml=space,
        plan=as_text(plan),
        constants=_constants(plan),
        left_out=why,
        unfinished=unfinished,
    )


def _constants(plan: Plan) -> dict[str, Any]:
    searched = {parameter.path: None for parameter in plan.parameters}
    flat = flatten(plan.config.model_dump(mode="json"))
    return {name: value for name, value in flat.items() if not is_below(name, searched)}


def _description(plan: Plan, folder: SweepFolder, data: Data, command: str) -> SweepDescription:
    return SweepDescription(
        space_yaml=folder.space.read_text(encoding="utf-8"),
        plan=as_text(plan),
        constants=_constants(plan),
        seed=plan.config.seed,
        data=DatasetRecord(
            name=Path(plan.config.data.source).stem,
            source=plan.config.data.source,
            digest=data.digest,
            rows={split: len(data.rows(split)) for split in data.splits},
            classes=data.classes,
        ),
        command=command,
        goals=[str(goal) for goal in plan.config.search.goals],
    )


def _identity(plan: Plan, folder: SweepFolder, data: Data, state: WriterState, command: str) -> SweepIdentity:
    search = plan.config.search
    return SweepIdentity(
        name=folder.name,
        experiment=state.experiment,
        experiment_id=state.experiment_id,
        metric=search.first.metric,
        mode=search.first.direction,
        top=plan.config.report.top,
        seed=plan.config.seed,
        tracking_uri=state.uri,
        parent_run_id=state.parent_run_id,
        data_digest=data.digest,
        command=command,
        git_commit=code_version().commit,
        statistic=search.statistic,
        directions={goal.metric: goal.direction for goal in search.goals},
        trials=trials_elsewhere(plan.config.storage.path, folder.name),
    )


def open_writer(folder: SweepFolder) -> SpooledWriter:
    """The writer of a sweep that was opened before, perhaps by another process; one at a time."""
    return SpooledWriter(folder.read_record().writer_state, folder.spool)
