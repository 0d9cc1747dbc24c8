"""The record sweep.json of a made-up sweep."""

from dataclasses import replace
from typing import Any

from platform.tracking.records import WriterState
from platform.tuning.folder.sweep_folder import SweepIdentity


def made_record(name: str, state: WriterState | None = None, **fields: Any) -> SweepIdentity:
    """A record of the sweep ``name``, with these fields; ``state``: its runs in MLflow, if it has any."""
    record = SweepIdentity(
        name=name,
        experiment="birds",
        experiment_id="0",
        metric="val/accuracy",
        mode="max",
        top=5,
        seed=0,
        tracking_uri="sqlite:///mlflow.db",
        parent_run_id="run",
        data_digest="d" * 64,
        command=f"python -m platform.search {name}.yaml",
        git_commit="c" * 40,
    )
    if state is not None:
        record = replace(record.moved_to(state), experiment=state.experiment)
    return replace(record, **fields)
