"""The links that are printed and written into pages, and the port of the pages of a local database."""

import json
import socket

import pytest

from platform.tracking.links import comparison_link
from platform.tracking.local_ui import free_port, record_ui, ui_port
from platform.tracking.records import WriterState
from platform.tracking.saved_view import LONGEST, view_text


def state(uri):
    return WriterState(uri, "exp", "12", "abc", "night")


def test_the_link_leads_to_the_server_that_holds_the_runs():
    assert comparison_link(state("https://mlflow.example.org/")).startswith(
        "https://mlflow.example.org/#/exp"
    )


def test_a_local_database_is_looked_at_through_the_local_page_on_its_port(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    path = "#/experiments/12/runs?viewStateShareKey=abc&compareRunsMode=CHART&workflowType=machine_learning"
    assert comparison_link(state(uri)) == f"http://127.0.0.1:5000/{path}"
    record = record_ui(uri, 5007)
    assert comparison_link(state(uri)) == f"http://127.0.0.1:5007/{path}"
    record.write_text(json.dumps({"port": 5007, "process": 2**22 + 1}))
    assert ui_port(uri) == 5000, "the process that served it is gone"


def test_a_port_in_use_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port


@pytest.mark.parametrize(("goal", "ascending"), [("val/accuracy (max)", False), ("val/loss (min)", True)])
def test_a_view_has_the_sweeps_trials_by_the_metric_and_what_was_searched(goal, ascending):
    view = json.loads(view_text(state("sqlite:///a.db"), [goal, "val/few_shot (max)"], ["optim.lr"]))
    metric = goal.partition(" ")[0]
    assert view["searchFilter"] == "tags.`mlflow.parentRunId` = 'abc'"
    assert (view["orderByKey"], view["orderByAsc"]) == (f"metrics.`{metric}`", ascending)
    assert view["selectedColumns"] == [
        f"metrics.`{metric}`",
        "metrics.`val/few_shot`",
        "params.`optim.lr`",
        "tags.`outcome`",
    ]
    assert [chart.get("metricKey") for chart in view["compareRunCharts"]] == [metric, "val/few_shot", None]
    assert view["isAccordionReordered"], "else MLflow sorts its own sections before the sweep's, by name"


def test_a_view_fits_a_tag_however_many_parameters_there_are():
    many = [f"stages.{place}.augment.policy.magnitude" for place in range(200)]
    text = view_text(state("sqlite:///a.db"), ["val/accuracy (max)"], many)
    assert len(text) <= LONGEST
    assert many[0] in text and many[-1] not in text
