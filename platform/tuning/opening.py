"""A new sweep's first records: its folder's files and its parent run; and its writer from then on."""

import shlex
import sys
from pathlib import Path

from platform.config.document import write_yaml
from platform.config.load import LoadedSpace
from platform.datasets.data import Data
from platform.tracking.environment import code_version
from platform.tracking.records import DatasetRecord, SweepDescription, WriterState
from platform.tracking.spooled_writer import SpooledWriter
from platform.tracking.tracking_config import resolve_uri
from platform.tracking.writer import SweepWriter
from platform.tuning.names import flatten, is_below
from platform.tuning.plan import Plan, as_text
from platform.tuning.sweep_config import SweepConfig
from platform.tuning.sweep_folder import SweepFolder, SweepIdentity


def open_sweep(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data) -> None:
    """Write space.yaml and sweep.json, and start the parent run with all that holds for every trial."""
    write_yaml(loaded.document.tree, folder.space)
    state = SweepWriter.open(resolve_uri(plan.config.tracking), plan.experiment, folder.name).state
    command = f"python -m platform.search {shlex.join(sys.argv[1:])}"
    folder.write_record(_identity(plan, folder, data, state, command))
    with SpooledWriter(state, folder.spool) as writer:
        writer.log_sweep(_description(plan, folder, data, command))
        writer.catch_up()  # a sweep does not start without MLflow


def _description(plan: Plan, folder: SweepFolder, data: Data, command: str) -> SweepDescription:
    searched = {parameter.path: None for parameter in plan.parameters}
    flat = flatten(plan.config.model_dump(mode="json"))
    return SweepDescription(
        space_yaml=folder.space.read_text(encoding="utf-8"),
        plan=as_text(plan),
        constants={name: value for name, value in flat.items() if not is_below(name, searched)},
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
    )


def open_writer(folder: SweepFolder) -> SpooledWriter:
    """The writer of a sweep that was opened before, perhaps by another process; one at a time."""
    return SpooledWriter(folder.read_record().writer_state, folder.spool)
