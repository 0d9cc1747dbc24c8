"""Deletes the runs of a sweep in MLflow, as its page does: they can be restored until `mlflow gc`."""

from platform.config.invocation import script_line
from platform.config.secrets import shown_uri
from platform.tracking.connect import connect, talking
from platform.tracking.records import WriterState
from platform.tracking.runs import all_runs
from platform.tracking.saved_view import view_tag
from platform.tracking.tag_names import PARENT
from platform.tracking.tracking_config import sqlite_path


def delete_sweep(state: WriterState) -> int:
    """Delete the sweep's runs, the trials' first; returns how many there were. It may be repeated.

    Registered versions of its model stay, with the model's files, which MLflow does not keep in the run.

    Raises:
        TrackingError: MLflow refuses; MlflowAway if a later try may succeed.
    """
    path = sqlite_path(state.uri)
    if path is not None and not path.exists():
        return 0
    client = connect(state.uri)
    with talking(state.uri):
        trials = all_runs(client, [state.experiment_id], f"tags.`{PARENT}` = '{state.parent_run_id}'")
        own = all_runs(client, [state.experiment_id], f"attributes.run_id = '{state.parent_run_id}'")
        found = [run.info.run_id for run in [*trials, *own]]
        for run_id in found:
            client.delete_run(run_id)
        experiment = client.get_experiment(state.experiment_id)
        if view_tag(state) in experiment.tags:
            client.delete_experiment_tag(state.experiment_id, view_tag(state))
    return len(found)


def command_that_frees(uri: str) -> str:
    """The command that deletes what deleted runs have kept on disk."""
    return script_line("mlflow", "gc", "--backend-store-uri", shown_uri(uri))
