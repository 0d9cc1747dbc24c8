from dataclasses import replace

import pytest

from reports.ranking.ranking_columns import ranking_columns


@pytest.fixture
def ranking(make_contents):
    """The best trial alone has costs and qualities; its best epoch is the fourth of four."""
    best, *others = make_contents().ranking
    history = best.trial.history | {
        "val/macro_accuracy": [(1, 0.1), (4, 0.4)],
        "val/few_shot": [(4, float("nan"))],
        "time/images_per_s": [(1, 100.0), (2, 1000.0), (3, 1200.0), (4, 1100.0)],
        "time/epoch_s": [(1, 600.0), (2, 300.0), (3, 300.0), (4, 600.0)],
        "model/parameters": [(1, 2_500_000.0)],
    }
    return [replace(best, trial=replace(best.trial, history=history)), *others]


def test_qualities_are_of_the_best_epoch_and_costs_of_all(ranking):
    best = ranking[0].trial.trial_id
    found = {
        one.heading: one.shown(one.values[best])
        for one in ranking_columns(ranking, "val/accuracy", {best: 2.0})
    }
    assert found == {
        "Macro accuracy": "0.4000",
        "Images/s": "1,050",
        "Parameters, millions": "2.50",
        "Accelerator-hours": "1.000",
    }


def test_columns_without_a_value_and_the_metric_that_ranks_are_left_out(ranking):
    headings = [one.heading for one in ranking_columns(ranking, "val/macro_accuracy", {})]
    assert headings == ["Images/s", "Parameters, millions"]
    assert ranking_columns(ranking[1:], "val/accuracy", {}) == []
