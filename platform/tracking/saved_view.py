"""The view of a sweep that MLflow's page opens: its trials by the metric, what was searched first.

MLflow keeps a view that somebody shares as a tag of the experiment, and opens it by its key in the address.
It holds the filter and order of the runs, the columns and their order, and the charts with their sections,
but not the page's mode (table or charts), which stands in the address beside the key.
"""

import json
from collections.abc import Sequence
from typing import Any

from platform.tracking import tag_names
from platform.tracking.records import WriterState

LONGEST = 5000
"""Characters that MLflow keeps of an experiment's tag."""
_SECTION = "sweep"


def view_tag(state: WriterState) -> str:
    """The tag of the experiment that holds the sweep's view; the key is the sweep's run."""
    return f"mlflow.sharedViewState.{state.parent_run_id}"


def view_text(state: WriterState, goals: Sequence[str], searched: Sequence[str]) -> str:
    """The view as JSON; of very many parameters the last have no column, as a tag is short.

    Args:
        goals: The metrics, the one that ranks first; ``name (min)`` where a lower value is better.
        searched: The dotted names of the searched parameters.
    """
    names = list(searched)
    while len(text := json.dumps(_view(state, goals, names), separators=(",", ":"))) > LONGEST and names:
        names.pop()
    return text


def _view(state: WriterState, goals: Sequence[str], searched: Sequence[str]) -> dict[str, Any]:
    metrics = [goal.partition(" (")[0] for goal in goals]
    columns = [
        *(_column("metrics", name) for name in metrics),
        *(_column("params", name) for name in searched),
        _column("tags", tag_names.OUTCOME),
    ]
    return {
        "searchFilter": f"tags.`{tag_names.PARENT}` = '{state.parent_run_id}'",
        "orderByKey": _column("metrics", metrics[0]),
        "orderByAsc": goals[0].endswith("(min)"),
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": [
            *(_curve(name, place) for place, name in enumerate(metrics)),
            *([_parallel(metrics[0], searched)] if searched else []),
        ],
        "compareRunSections": [
            {"uuid": _SECTION, "name": state.sweep, "display": True, "isReordered": False},
        ],
        "isAccordionReordered": True,  # else MLflow sorts its own sections before this one, by name
    }


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _curve(metric: str, place: int) -> dict[str, Any]:
    return {
        "type": "LINE",
        "uuid": f"curve-{place}",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "selectedXAxisMetricKey": "",
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "range": {},
    }


def _parallel(metric: str, searched: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "PARALLEL",
        "uuid": "parallel",
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
        "selectedParams": list(searched),
        "selectedMetrics": [metric],
        "showAllRuns": True,
    }
