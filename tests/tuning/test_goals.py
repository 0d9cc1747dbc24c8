"""What a trial has reached of several goals, and which of its epochs decide it."""

import math

import pytest

from platform.config.errors import UserError
from platform.tuning.goals import Goal, figure, gains, reached
from platform.tuning.space.goal_check import refuse_unmeasured

ACCURACY = Goal("val/accuracy", "max")
HISTORY = {
    "val/accuracy": {1: 0.4, 2: 0.7, 3: 0.7, 4: 0.6, 5: math.nan},
    "val/loss": {1: 1.0, 2: 0.9, 3: 0.8, 4: 0.4, 5: 0.3},
    "time/images_per_s": {1: 10.0, 2: 900.0, 3: 1000.0, 4: 1100.0, 5: 950.0},
}


@pytest.mark.parametrize(
    ("statistic", "epochs", "accuracy"),
    [("best", [3], 0.7), ("last", [5], math.nan), ("mean_last_3", [3, 4, 5], math.nan)],
)
def test_metrics_of_validation_are_those_of_the_epochs_that_the_first_goal_decides(
    statistic, epochs, accuracy
):
    goals = (ACCURACY, Goal("val/loss", "min"))
    expected = sum(HISTORY["val/loss"][epoch] for epoch in epochs) / len(epochs)
    found = reached(HISTORY, goals, statistic)
    assert found == pytest.approx((accuracy, expected), nan_ok=True)


@pytest.mark.parametrize("statistic", ["best", "last"])
def test_a_cost_is_the_median_of_all_epochs(statistic):
    assert reached(HISTORY, (ACCURACY, Goal("time/images_per_s", "max")), statistic)[1] == 950.0


def test_what_was_not_reported_is_no_number():
    assert math.isnan(reached(HISTORY, (ACCURACY, Goal("val/few_shot", "max")), "best")[1])
    assert math.isnan(reached(HISTORY, (ACCURACY, Goal("model/parameters", "min")), "best")[1])
    assert math.isnan(reached({}, (ACCURACY,), "best")[0])


def test_gains_are_better_the_more_they_are():
    assert gains((0.5, 3.0), (ACCURACY, Goal("time/epoch_s", "min"))) == (0.5, -3.0)


def test_figures_have_the_digits_that_are_read():
    assert [figure(value) for value in (0.81234, 36.449, 3120.7, 11173962.0, math.nan)] == [
        "0.8123",
        "36.4",
        "3121",
        "11173962",
        "nan",
    ]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("val/few_shot", "search.metric: val/few_shot is of no class here: classes have "),
        ("system/gpu_memory_megabytes", "needs trials that get a GPU; here they get none"),
    ],
)
def test_a_goal_that_no_trial_can_report_is_refused(golden_steps, metric, expected):
    data = golden_steps.few_digits()
    data = type(data)(**{**vars(data), "shots": (0, 0)})
    with pytest.raises(UserError, match="search.metric") as caught:
        refuse_unmeasured([ACCURACY, Goal(metric, "max")], data, gpus=0)
    assert expected in str(caught.value)
    refuse_unmeasured([ACCURACY, Goal("val/many_shot", "max")], data, gpus=0)
