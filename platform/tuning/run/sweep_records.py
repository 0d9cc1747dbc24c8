"""A sweep's records: files in its folder and its parent run in MLflow, written at its start and on resume."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from platform.config.document import yaml_text
from platform.config.invocation import command_line
from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.storage.whole_files import write_whole
from platform.tracking.environment import code_version
from platform.tracking.own_mlflow import name_own
from platform.tracking.records import DatasetRecord, SweepDescription, WriterState
from platform.tracking.tracking_config import resolve_uri
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.checkpoint_place import publish, trials_elsewhere
from platform.tuning.folder.process_lock import attempt_of
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from platform.tuning.names import flatten, is_below
from platform.tuning.run.plan import Plan, as_text
from platform.tuning.search.past_trials import LeftOut
from platform.tuning.settings.sweep_config import SweepConfig


def open_sweep(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data) -> None:
    """Write space.yaml and sweep.json, and start the parent run with all settings that trials share."""
    write_whole(folder.space, yaml_text(loaded.document.tree))
    uri = resolve_uri(plan.config.tracking)
    name_own(uri, remember=True)
    state = SweepWriter.open(uri, plan.experiment, folder.name, attempt_of(folder)).state
    write_whole(folder.opening, json.dumps(asdict(state)))
    command = command_line("platform.search", *sys.argv[1:])
    with SpooledWriter(state, folder.spool) as writer:
        writer.log_sweep(_description(plan, folder, data, command))
        writer.catch_up()  # a sweep does not start without MLflow
    folder.write_record(_identity(plan, folder, data, state, command))  # last: with it there is a sweep
    folder.opening.unlink()
    publish(folder)


def update_sweep(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder) -> None:
    """Write the settings that the sweep uses from now on; its study has changed already."""
    write_whole(folder.space, yaml_text(loaded.document.tree))
    top, statistic = plan.config.report.top, plan.config.search.statistic
    folder.write_record(replace(folder.read_record(), top=top, statistic=statistic))


def report_space(writer: SpooledWriter, plan: Plan, folder: SweepFolder, left: Sequence[LeftOut]) -> None:
    """Record the space and the trials that do not fit it in MLflow, unless they are what it has."""
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
            manifest=data.origin.digest if data.origin else "",
            policy=data.origin.policy_digest if data.origin else "",
        ),
        command=command,
        goals=[str(goal) for goal in plan.config.search.goals],
        searched=list(dict.fromkeys(parameter.path for parameter in plan.parameters)),
        tags=plan.config.tracking.tags,
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
        injected=data.injected,
    )


def open_writer(folder: SweepFolder, plan: Plan) -> SpooledWriter:
    """The writer of a sweep that has been opened, perhaps by an earlier process; only one may be open."""
    return SpooledWriter(folder.read_record().writer_state, folder.spool, tags=plan.config.tracking.tags)
