"""Best values at an end of their range, over real spaces."""

import pytest

from platform.config.load import load_space
from platform.config.ranges import NumberRange
from platform.tracking.records import TrialRecord
from platform.tuning.names import flatten
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.findings.edges import edges, position
from reports.ranking.rank import rank_trials

SPACE = """
epochs: 4
image_size: 8
model: {backbone: test_resnet}
method:
  choice:
  - {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
  - {name: peer, drop_rate: {uniform: [0.5, 0.9]}, ramp_epochs: {int: [1, 3]}}
optim: {lr: {loguniform: [1e-3, 1e-1]}, weight_decay: {uniform: [0.0, 0.01]}}
schedule: {name: constant, warmup_epochs: {int: [0, 2]}}
"""
MIDDLE = {"optim.lr": 0.01, "optim.weight_decay": 0.005, "schedule.warmup_epochs": 1}
CE = MIDDLE | {"method": "cross_entropy", "method.label_smoothing": 0.15}
PEER = MIDDLE | {"method": "peer", "method.drop_rate": 0.7, "method.ramp_epochs": 2}


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    return load_space(tmp_path / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)


@pytest.fixture
def found(loaded):
    """The sentences where the best of so many finished trials has these values."""

    def of(values, finished=5):
        names = {parameter.name: parameter.path for parameter in loaded.space.parameters()}
        config = loaded.build(lambda name, range_: values[names[name]]).trial().model_dump(mode="json")
        assert values.keys() - {"method"} <= flatten(config).keys()
        trials = [
            TrialRecord(
                f"r{n}",
                f"{n:04d}",
                1,
                "finished",
                values,
                config,
                history={"val/accuracy": [(1, 0.9 - n / 100)]},
            )
            for n in range(finished)
        ]
        return [str(edge) for edge in edges(loaded, rank_trials(trials, "val/accuracy", "max"))]

    return of


def test_nothing_is_said_of_values_in_the_middle(found):
    assert found(CE) == [] and found(PEER) == []


def test_a_logarithmic_range_is_measured_in_the_logarithm(found):
    assert found(CE | {"optim.lr": 0.0958}) == [
        "optim.lr of the best trial, 0.0958, is within 5% of the upper end of loguniform [0.001, 0.1]; "
        "wider: lr: {loguniform: [0.001, 1]}"
    ]
    assert "lr: {loguniform: [0.0001, 0.1]}" in found(CE | {"optim.lr": 0.0012})[0]
    assert found(CE | {"optim.lr": 0.075}) == [], "94 % of the logarithmic range"


def test_fewer_than_five_finished_trials_say_nothing(found):
    assert found(CE | {"optim.lr": 0.0958}, finished=4) == []


def test_a_range_at_the_settings_own_bound_is_not_widened(found):
    assert found(CE | {"optim.weight_decay": 0.0001}) == [], "weight decay is at least 0"
    assert "weight_decay: {uniform: [0, 0.015]}" in found(CE | {"optim.weight_decay": 0.01})[0]


def test_a_wider_range_keeps_below_a_bound_that_is_not_reached(found):
    [said] = found(PEER | {"method.drop_rate": 0.89})
    assert said.endswith("(where method = peer); wider: drop_rate: {uniform: [0.5, 0.95]}")


def test_only_the_branch_that_the_best_trial_took_is_looked_at(found):
    stale = {"method.label_smoothing": 0.0}
    assert found(PEER) == []
    assert "label_smoothing" not in str(found(PEER | {"method.drop_rate": 0.5}))
    assert stale.keys().isdisjoint(PEER)


def test_a_wider_range_that_breaks_another_setting_is_not_proposed(found):
    """warmup_epochs may be as many as epochs: 4; half the width more would be 3, and is valid."""
    assert "warmup_epochs: {int: [0, 3]}" in found(CE | {"schedule.warmup_epochs": 2})[0]


def test_what_is_proposed_can_be_pasted_and_run(found, tmp_path):
    [said] = found(CE | {"optim.lr": 0.0958})
    pasted = SPACE.replace("lr: {loguniform: [1e-3, 1e-1]}", said.split("wider: ")[1])
    assert pasted != SPACE
    (tmp_path / "wider.yaml").write_text(pasted)
    again = load_space(tmp_path / "wider.yaml", SweepConfig, fixed=SWEEP_FIELDS)
    [lr] = [one for one in again.space.parameters() if one.path == "optim.lr"]
    assert isinstance(lr.range, NumberRange)
    assert (lr.range.low, lr.range.high) == (0.001, 1.0)
    assert position(0.1, lr.range) == pytest.approx(2 / 3)
