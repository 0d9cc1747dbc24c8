"""What MLflow is told when a sweep goes on with another space than it was started with."""

from collections.abc import Collection, Mapping

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from platform.tracking import tag_names as names
from platform.tracking.connect import connect, talking
from platform.tracking.fields import TAG_LENGTH, shown
from platform.tracking.records import WriterState
from platform.tracking.runs import child_runs

_PARAMS_A_REQUEST = 100


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
    """Put the new space on the parent, and on each trial whether it fits; may be repeated.

    ``left_out``: why a trial does not fit, for all that do not; the others lose the tag, where they have it.
    ``unfinished``: those of them that had not ended: they are KILLED, with that cause. MLflow lets no
    parameter go: what was constant and is searched now is named in the parent's tag ``now_searched``.

    Raises:
        TrackingError: MLflow does not take it, of kind MlflowAway where it would later.
    """
    client = connect(state.uri)
    with talking(state.uri):
        parent = client.get_run(state.parent_run_id)
        client.log_text(state.parent_run_id, space_yaml, "space.yaml")
        client.log_text(state.parent_run_id, plan, "plan.txt")
        _write_constants(client, parent, constants)
        for run in child_runs(client, state.experiment_id, state.parent_run_id):
            trial = run.data.tags[names.TRIAL_ID]
            _mark(client, run, left_out.get(trial))
            if trial in unfinished:
                tags = [RunTag(names.OUTCOME, "interrupted"), RunTag(names.CAUSE, left_out[trial])]
                client.log_batch(run.info.run_id, tags=tags)
                client.set_terminated(run.info.run_id, "KILLED", at_ms)


def _write_constants(client: MlflowClient, parent: Run, constants: Mapping[str, object]) -> None:
    new = {name: shown(value) for name, value in constants.items() if name not in parent.data.params}
    params = [Param(name, value) for name, value in new.items()]
    for first in range(0, len(params), _PARAMS_A_REQUEST):
        client.log_batch(parent.info.run_id, params=params[first : first + _PARAMS_A_REQUEST])
    searched = sorted(parent.data.params.keys() - constants.keys())
    if searched:
        client.set_tag(parent.info.run_id, names.NOW_SEARCHED, ", ".join(searched)[:TAG_LENGTH])
    elif names.NOW_SEARCHED in parent.data.tags:
        client.delete_tag(parent.info.run_id, names.NOW_SEARCHED)


def _mark(client: MlflowClient, run: Run, why: str | None) -> None:
    if why is not None:
        client.set_tag(run.info.run_id, names.LEFT_OUT, why[:TAG_LENGTH])
    elif names.LEFT_OUT in run.data.tags:
        client.delete_tag(run.info.run_id, names.LEFT_OUT)
