"""A new sweep's first records: its folder's files and its parent run."""

import shlex
import sys
from pathlib import Path

from platform.config.document import write_yaml
from platform.config.load import LoadedSpace
from platform.datasets.data import Data
from platform.tracking.environment import code_version
from platform.tracking.records import DatasetRecord, SweepDescription, WriterState
from platform.tracking.tracking_config import resolve_uri
from platform.tracking.writer import SweepWriter
from platform.tuning.names import flatten, is_below
from platform.tuning.plan import Plan, as_text
from platform.tuning.sweep_config import SweepConfig
from platform.tuning.sweep_folder import SweepFolder, SweepIdentity


def open_sweep(loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data) -> None:
    """Write space.yaml and sweep.json, and start the parent run with all that holds for every trial."""
    write_yaml(loaded.document.tree, folder.space)
    writer = SweepWriter.open(resolve_uri(plan.config.tracking), plan.experiment, folder.name)
    command = f"python -m platform.search {shlex.join(sys.argv[1:])}"
    folder.write_record(_identity(plan, folder, data, writer.state, command))
    searched = {parameter.path: None for parameter in plan.parameters}
    flat = flatten(plan.config.model_dump(mode="json"))
    writer.log_sweep(
        SweepDescription(
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
        )
    )


def _identity(plan: Plan, folder: SweepFolder, data: Data, state: WriterState, command: str) -> SweepIdentity:
    search = plan.config.search
    return SweepIdentity(
        name=folder.name,
        experiment=state.experiment,
        experiment_id=state.experiment_id,
        metric=search.metric,
        mode=search.direction,
        top=plan.config.report.top,
        seed=plan.config.seed,
        tracking_uri=state.uri,
        parent_run_id=state.parent_run_id,
        data_digest=data.digest,
        command=command,
        git_commit=code_version().commit,
        statistic=search.statistic,
    )


def open_writer(folder: SweepFolder) -> SweepWriter:
    """The writer of a sweep that was opened before, perhaps by another process."""
    return SweepWriter.from_state(folder.read_record().writer_state)
