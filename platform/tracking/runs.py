"""Finds the runs of a sweep in MLflow."""

from collections.abc import Iterator, Sequence

from mlflow import MlflowClient
from mlflow.entities import Run

from platform.tracking import tag_names

_PAGE = 1000


def all_runs(client: MlflowClient, experiment_ids: Sequence[str], filter_string: str) -> Iterator[Run]:
    """All runs that match MLflow's ``filter_string``, page by page, in the order in which they started."""
    token: str | None = None
    while experiment_ids:
        page = client.search_runs(
            list(experiment_ids),
            filter_string,
            max_results=_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        yield from page
        token = page.token
        if not token:
            return


def child_runs(client: MlflowClient, experiment_id: str, parent_run_id: str) -> list[Run]:
    """The runs of a sweep's trials in the order in which they started, then by name."""
    runs = all_runs(client, [experiment_id], f"tags.`{tag_names.PARENT}` = '{parent_run_id}'")
    found = [run for run in runs if tag_names.TRIAL_ID in run.data.tags]
    return sorted(found, key=lambda run: (run.info.start_time or 0, run.data.tags[tag_names.TRIAL_ID]))


def last_step(client: MlflowClient, run: Run) -> int:
    """The last epoch for which the run has a metric; 0 if it has none."""
    histories = (client.get_metric_history(run.info.run_id, name) for name in run.data.metrics)
    steps = (point.step for history in histories for point in history)
    return max(steps, default=0)


def one_each(client: MlflowClient, children: list[Run]) -> list[Run]:
    """Keep one run per trial: a request that arrived after its time-out may have made a second one."""
    kept: dict[str, Run] = {}
    for run in children:
        other = kept.setdefault(run.data.tags[tag_names.TRIAL_ID], run)
        if other is not run:
            fuller = max(other, run, key=lambda each: (len(each.data.metrics), len(each.data.params)))
            kept[run.data.tags[tag_names.TRIAL_ID]] = fuller
            client.delete_run((run if fuller is other else other).info.run_id)
    return list(kept.values())
