"""Lists the sweeps of an MLflow experiment."""

from mlflow import MlflowClient

from platform.config.secrets import shown_uri
from platform.tracking import tag_names
from platform.tracking.connect import connect, talking
from platform.tracking.runs import all_runs
from platform.tracking.tracking_config import TrackingError


def experiment_sweeps(uri: str, experiment: str) -> dict[str, str]:
    """The sweeps' names by the ids of their runs, in the order in which they started.

    Raises:
        TrackingError: no MLflow at ``uri``, or no such experiment or no sweep in it.
    """
    client = connect(uri)
    with talking(uri):
        found = client.get_experiment_by_name(experiment)
        sweeps = _parents(client, found.experiment_id) if found is not None else {}
        known = [one.name for one in client.search_experiments()]
    if found is None:
        raise TrackingError(
            f"MLflow at {shown_uri(uri)}: no experiment {experiment!r}; there are: {', '.join(sorted(known))}"
        )
    if not sweeps:
        raise TrackingError(f"MLflow at {shown_uri(uri)}: the experiment {experiment!r} holds no sweep")
    return sweeps


def _parents(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    return {
        run.info.run_id: run.data.tags.get(tag_names.SWEEP, run.info.run_id)
        for run in all_runs(client, [experiment_id], f"tags.`{tag_names.DATA_DIGEST}` != ''")
        if tag_names.TRIAL_ID not in run.data.tags
    }
