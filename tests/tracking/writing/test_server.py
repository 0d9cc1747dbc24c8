"""A real MLflow server on loopback: written to over HTTP, and looked at in a headless Chromium."""

import math

import pytest

from platform.tracking.links import comparison_path
from platform.tracking.reading.reader import read_sweep
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.writer import SweepWriter


@pytest.fixture(scope="module")
def server(mlflow_server, tmp_path_factory):
    """The server's address."""
    with mlflow_server(tmp_path_factory.mktemp("server")) as running:
        yield running.address


def test_a_sweep_goes_to_a_server_and_comes_back_whole(server, description, write_trial, tmp_path, capfd):
    writer = SweepWriter.open(server, "over http", "night")
    writer.log_sweep(description)
    write_trial(writer, "t1", checkpoint="runs/a")
    writer.start_trial("t2", searched={"a": True}, constants={}, config={"a": True})
    writer.report("t2", 1, {"train/loss": math.nan, "train/other": math.inf, "val/accuracy": 0.5})
    writer.finish_trial("t2", "failed", cause="diverged\nlong story")
    writer.finish("finished")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("page")
    writer.log_report(tmp_path / "report")

    sweep = read_sweep(server, writer.state.parent_run_id)
    assert [trial.outcome for trial in sweep.trials] == ["finished", "failed"]
    assert sweep.trials[0].history["val/accuracy"] == [(1, 0.1), (2, 0.2), (3, pytest.approx(0.3))]
    failed = sweep.trials[1].history
    assert math.isnan(failed["train/loss"][0][1])
    assert failed["train/other"] == [(1, math.inf)]
    assert failed["val/accuracy"] == [(1, 0.5)]
    assert capfd.readouterr() == ("", ""), "MLflow may not talk on the terminal"


def test_a_server_that_is_no_mlflow_is_one_line(server):
    with pytest.raises(TrackingError) as error:
        SweepWriter.open(f"{server}/not/mlflow", "exp", "night")
    assert str(error.value).startswith(f"MLflow at {server}/not/mlflow: ")
    assert "\n" not in str(error.value)


def columns_in_sight(page) -> list[str]:
    """The headings of MLflow's table from left to right; the grid adds them to the page in any order."""
    headings = [
        (cell.bounding_box()["x"], cell.inner_text().strip())
        for cell in page.locator(".ag-header-cell").all()
    ]
    return [text for _, text in sorted(headings) if text]


def test_the_page_shows_the_parent_and_compares_its_children(server, write_trial, chromium):
    writer = SweepWriter.open(server, "on the page", "night-of-the-test")
    for index, outcome in enumerate(["finished", "pruned", "failed"]):
        write_trial(writer, f"trial-{index}", outcome, drop_rate=0.1 * index)
    writer.save_view(["val/accuracy (max)"], ["method.drop_rate", "method.rank_by"])
    writer.finish("finished")
    page = chromium.new_page(viewport={"width": 1600, "height": 900})
    foreign = []
    page.on(
        "request", lambda request: None if request.url.startswith(server) else foreign.append(request.url)
    )

    page.goto(f"{server}/#/experiments/{writer.state.experiment_id}/runs")
    page.get_by_text("night-of-the-test").first.wait_for(timeout=60_000)

    page.goto(f"{server}/{comparison_path(writer.state)}")
    for index in range(3):
        page.get_by_role("link", name=f"trial-{index}").first.wait_for(timeout=30_000)
    page.get_by_text("val/accuracy").first.wait_for(timeout=30_000)
    page.locator(".js-plotly-plot").first.wait_for(timeout=30_000)
    page.get_by_text("Parallel Coordinates").first.wait_for(timeout=30_000)
    assert page.get_by_role("link", name="night-of-the-test", exact=True).count() == 0

    page.goto("about:blank")
    page.goto(f"{server}/{comparison_path(writer.state, as_table=True)}")
    page.get_by_role("link", name="trial-2").first.wait_for(timeout=30_000)
    assert columns_in_sight(page)[-4:] == ["val/accuracy", "method.drop_rate", "method.rank_by", "outcome"]
    assert [url for url in foreign if not url.startswith(("data:", "blob:"))] == []
    page.close()
