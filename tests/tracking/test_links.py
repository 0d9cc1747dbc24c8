from platform.tracking.links import comparison_link
from platform.tracking.records import WriterState


def state(uri):
    return WriterState(uri, "exp", "12", "abc", "night")


def test_the_link_leads_to_the_server_that_holds_the_runs():
    assert comparison_link(state("https://mlflow.example.org/")).startswith(
        "https://mlflow.example.org/#/exp"
    )


def test_a_local_database_is_looked_at_through_the_local_page():
    link = comparison_link(state("sqlite:////tmp/mlflow.db"), "val/accuracy")
    assert link == (
        "http://127.0.0.1:5000/#/experiments/12/runs?searchFilter=tags.%60mlflow.parentRunId%60%20%3D%20%27abc%27"
        "&compareRunsMode=CHART&workflowType=machine_learning"
        "&orderByKey=metrics.%60val%2Faccuracy%60&orderByAsc=false"
    )
