"""Updates a sweep's runs in MLflow after its space has changed."""

from collections.abc import Collection, Mapping

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from platform.tracking import tag_names
from platform.tracking.connect import connect, talking
from platform.tracking.fields import PARAMS_A_REQUEST, TAG_LENGTH, shown
from platform.tracking.records import WriterState
from platform.tracking.runs import child_runs


def write_space_change(
    state: WriterState,
    *,
    space_yaml: str,
    plan: str,
    constants: Mapping[str, object],
    left_out: Mapping[str, str],
    unfinished: Collection[str],
    at_ms: int | None = None,
) -> None:
    """Log the new space to the parent, and tag the trials that do not fit it; may be repeated.

    ``left_out``: the reason for each trial that does not fit; other trials lose the tag. ``unfinished``:
    those among them that had not ended; they become KILLED with that cause. MLflow cannot delete parameters,
    so constants that are searched now are listed in the parent's tag ``now_searched``.

    Raises:
        TrackingError: MLflow refuses; MlflowAway if a later try may succeed.
    """
    client = connect(state.uri)
    with talking(state.uri):
        parent = client.get_run(state.parent_run_id)
        client.log_text(state.parent_run_id, space_yaml, "space.yaml")
        client.log_text(state.parent_run_id, plan, "plan.txt")
        _write_constants(client, parent, constants)
        for run in child_runs(client, state.experiment_id, state.parent_run_id):
            trial = run.data.tags[tag_names.TRIAL_ID]
            _mark(client, run, left_out.get(trial))
            if trial in unfinished:
                tags = [RunTag(tag_names.OUTCOME, "interrupted"), RunTag(tag_names.CAUSE, left_out[trial])]
                client.log_batch(run.info.run_id, tags=tags)
                client.set_terminated(run.info.run_id, "KILLED", at_ms)


def _write_constants(client: MlflowClient, parent: Run, constants: Mapping[str, object]) -> None:
    new = {name: shown(value) for name, value in constants.items() if name not in parent.data.params}
    params = [Param(name, value) for name, value in new.items()]
    for first in range(0, len(params), PARAMS_A_REQUEST):
        client.log_batch(parent.info.run_id, params=params[first : first + PARAMS_A_REQUEST])
    searched = sorted(parent.data.params.keys() - constants.keys())
    if searched:
        client.set_tag(parent.info.run_id, tag_names.NOW_SEARCHED, ", ".join(searched)[:TAG_LENGTH])
    elif tag_names.NOW_SEARCHED in parent.data.tags:
        client.delete_tag(parent.info.run_id, tag_names.NOW_SEARCHED)


def _mark(client: MlflowClient, run: Run, why: str | None) -> None:
    if why is not None:
        client.set_tag(run.info.run_id, tag_names.LEFT_OUT, why[:TAG_LENGTH])
    elif tag_names.LEFT_OUT in run.data.tags:
        client.delete_tag(run.info.run_id, tag_names.LEFT_OUT)
