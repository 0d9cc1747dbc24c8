"""Addresses in MLflow's own pages, so that a sweep's trials are compared without finding them first."""

from urllib.parse import quote, urlencode

from platform.tracking import tag_names as names
from platform.tracking.records import WriterState

LOCAL_UI = "http://127.0.0.1:5000"
"""Where `make ui` serves a database of this machine."""


def comparison_link(state: WriterState, metric: str | None = None) -> str:
    """The page that draws the sweep's trials, and only them, over each other; best by ``metric`` on top.

    On the tracking server itself where there is one, else where `make ui` serves the database.
    """
    server = state.uri.rstrip("/") if state.uri.startswith(("http://", "https://")) else LOCAL_UI
    return f"{server}/{comparison_path(state, metric)}"


def comparison_path(state: WriterState, metric: str | None = None) -> str:
    """The part of that address after the server's name."""
    choices = {
        "searchFilter": f"tags.`{names.PARENT}` = '{state.parent_run_id}'",
        "compareRunsMode": "CHART",
        "workflowType": "machine_learning",
    }
    if metric:
        choices |= {"orderByKey": f"metrics.`{metric}`", "orderByAsc": "false"}
    return f"#/experiments/{quote(state.experiment_id)}/runs?{urlencode(choices, quote_via=quote)}"
