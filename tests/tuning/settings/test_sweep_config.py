"""The sweep's own sections of a YAML."""

import pytest

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.tuning.goals import Goal
from platform.tuning.settings.budget_config import BudgetConfig, seconds
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / "space.yaml"
        path.write_text(text)
        return load_space(path, SweepConfig, fixed=SWEEP_FIELDS).first()

    return load_text


METHOD = "model: {backbone: resnet10t}\nmethod: {name: cross_entropy}\n"
IDENTITIES = "data: {source: figures, identities: {}}\nsearch: {metric: val/map}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("search: {metric: test/accuracy}", "search.metric: the test split never selects"),
        ("search: {metric: val/clean_accuracy}", "clean labels never select by themselves"),
        ("search: {metric: val/acuracy}", "must be one of val/accuracy"),
        ("search: {metric: [val/accuracy, test/accuracy]}", "the test split never selects"),
        ("search: {metric: [val/accuracy]}", "several goals must be two or more different metrics"),
        ("search: {metric: [val/loss, val/loss]}", "several goals must be two or more different metrics"),
        ("search: {metric: []}", "several goals must be two or more different metrics"),
        ("search: {metric: 3}", "must be a metric, a list of metrics, or {metric: max or min, …}, got 3"),
        (
            "search: {metric: [val/few_shot, val/accuracy]}",
            "the first must be one of val/accuracy, ",
        ),
        ("search: {metric: [val/accuracy, train/loss]}", "must be one of val/accuracy, val/macro_accuracy"),
        ("search: {metric: {val/accuracy: up, val/few_shot: max}}", "of val/accuracy must be max or min"),
        ("search: {metric: [val/accuracy, val/ece], mode: max}", "search.mode: is of a single metric"),
        ("search: {metric: [val/accuracy, val/map]}", "must be one of val/accuracy, val/macro_accuracy"),
        (f"{IDENTITIES}report: {{views: [flip]}}", "report.views: is for data with classes; of identities"),
        (f"{IDENTITIES}report: {{concat: true}}", "report.concat: is for data with classes; of identities"),
        ("search: {trials: 0}", "search.trials: must be >= 1, got 0"),
        ("search: {budget: soon}", "search.budget: must be a time above zero such as 90s, 30m, 2h or 1d"),
        ("search: {budget: 0h}", "search.budget: must be a time above zero"),
        ("search: {confirm: {top: 2, seeds: 1}}", "search.confirm.seeds: must be >= 2, got 1"),
        ("search: {confirm: {top: 0}}", "search.confirm.top: must be >= 1, got 0"),
        ("search: {budget: 0}", "search.budget: must be a time such as 2h, or a section of time, epochs"),
        ("search: {budget: {time: 0s}}", "search.budget.time: must be a time above zero"),
        ("search: {budget: {epochs: 0}}", "search.budget.epochs: must be >= 1, got 0"),
        ("search: {budget: {gpu_hours: 0}}", "search.budget.gpu_hours: must be > 0, got 0"),
        ("search: {budget: {epoch: 3}}", "unknown key 'epoch'; did you mean 'epochs'?"),
        ("search: {scheduler: {name: asha, reduction_factor: 1}}", "reduction_factor: must be > 1, got 1"),
        (
            "search: {scheduler: {name: median, grace_perid: 2}}",
            "unknown key 'grace_perid'; did you mean 'grace_period'?",
        ),
        ("search: {scheduler: {name: hyperband, reduction_factor: 1}}", "must be > 1, got 1"),
        (
            "search: {scheduler: {name: hyperband}}\nresources: {workers: 2}",
            "search.scheduler.name: pauses trials, which one of several workers cannot be",
        ),
        (
            "search: {scheduler: {name: hyperband}}\nresources: {max_concurrent_trials: 2}",
            "resources.max_concurrent_trials: must be null, as the scheduler pauses trials",
        ),
        ("resources: {max_concurrent_trials: 0}", "resources.max_concurrent_trials: must be >= 1, got 0"),
        ("search: {statistic: mean}", "must be one of best, last, mean_last_3, got 'mean'"),
        ("search: {scheduler: {name: ahsa}}", "unknown name 'ahsa'; did you mean 'asha'?"),
        (
            "resources: {gpus_per_worker: 1.5}",
            "must be auto or a share from 0 to 1 (a worker is one process), got 1.5",
        ),
        (
            "resources: {workers: 2, gpus_per_worker: 0.5}",
            "resources.gpus_per_worker: must be 0, 1 or auto where workers > 1",
        ),
        (
            "resources: {cpus_per_worker: 0}",
            "resources.cpus_per_worker: must be auto or a whole number from 1 on, got 0",
        ),
        ("resources: {cpus_per_worker: all}", "must be auto or a whole number from 1 on, got 'all'"),
        ("name: ../elsewhere", "name: must match"),
        ("experiment: '  '", "experiment: must match"),
        ("search: {trials: {int: [1, 5]}}", "search is one for the whole sweep"),
        ("data: {val_share: {uniform: [0.1, 0.2]}}", "data is one for the whole sweep"),
    ],
)
def test_mistakes_of_the_sweeps_sections(load, text, expected):
    with pytest.raises(ConfigError) as caught:
        load(METHOD + text)
    assert expected in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_the_direction_follows_the_metric_unless_said(load):
    assert load(METHOD).search.goals == (Goal("val/accuracy", "max"),)
    assert load(METHOD + "search: {metric: val/loss}").search.first.direction == "min"
    assert load(METHOD + "search: {metric: val/loss, mode: max}").search.first.direction == "max"


@pytest.mark.parametrize(
    "metric",
    [
        "[val/accuracy, time/images_per_s, model/parameters]",
        "{val/accuracy: max, time/images_per_s: max, model/parameters: min}",
    ],
)
def test_several_goals_are_a_list_or_have_their_directions(load, metric):
    goals = load(METHOD + f"search: {{metric: {metric}}}").search.goals
    assert [(goal.metric, goal.direction) for goal in goals] == [
        ("val/accuracy", "max"),
        ("time/images_per_s", "max"),
        ("model/parameters", "min"),
    ]


def test_a_trials_settings_are_the_sweeps_without_its_own_sections(load):
    config = load(METHOD + "epochs: 3\nsearch: {trials: 2}")
    trial = config.trial()
    assert trial.epochs == 3
    assert trial.method == config.method
    assert not set(SWEEP_FIELDS) & set(type(trial).model_fields)


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)])
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "budget", "shown"),
    [
        ("budget: 2h", BudgetConfig(time="2h"), "2h of wall time"),
        ("budget: null", BudgetConfig(), ""),
        (
            "budget: {time: 1d, epochs: 4000, gpu_hours: 8}",
            BudgetConfig(time="1d", epochs=4000, gpu_hours=8),
            "1d of wall time or 4,000 epochs or 8 GPU hours",
        ),
    ],
)
def test_a_budget_is_a_time_or_a_section(load, text, budget, shown):
    found = load(f"{METHOD}search: {{{text}}}").search.budget
    assert found == budget and str(found) == shown
