"""What mattered in a sweep, from its records and its space."""

import math
from typing import Any

import pytest

from platform.config.load import load_space
from platform.tracking.records import TrialRecord
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.findings.what_mattered import what_mattered
from reports.ranking.rank import rank_trials

SPACE = """
epochs: 4
image_size: 8
model: {backbone: test_resnet}
method:
  choice:
  - {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
  - {name: peer, label_smoothing: {uniform: [0.0, 0.9]}, ramp_epochs: {int: [1, 3]}}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    file = tmp_path_factory.mktemp("space") / "space.yaml"
    file.write_text(SPACE)
    return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)


@pytest.fixture
def ranking(loaded):
    """So many trials, every other of peer, whose last values are as told."""

    def make(count, last=lambda place: 0.01 * place):
        trials = []
        for place in range(count):
            values: dict[str, Any] = {"optim.lr": 0.001 + 0.0005 * place, "method.label_smoothing": 0.2}
            values |= (
                {"method": "peer", "method.ramp_epochs": 2} if place % 2 else {"method": "cross_entropy"}
            )
            names = {"method[peer].label_smoothing", "method[cross_entropy].label_smoothing"}

            def pick(name, _, values=values, names=names):
                return values["method.label_smoothing" if name in names else name.replace("[peer]", "")]

            config = loaded.build(pick).trial().model_dump(mode="json")
            history = {"m": [(1, 0.01 * place), (2, last(place))]}
            trials.append(
                TrialRecord(f"r{place}", f"{place}", 1, "finished", values, config, history=history)
            )
        return rank_trials(trials, "m", "max", "last")

    return make


def test_parameters_of_one_path_are_told_apart_by_the_option_they_stand_below(loaded, ranking):
    found = what_mattered(loaded, ranking(24), "max", "last")
    assert found.left_out == 0
    counts = {one.parameter.name: one.trials for one in found.importances}
    assert counts["method[peer].label_smoothing"] == counts["method[cross_entropy].label_smoothing"] == 12
    assert found.importances[0].parameter.name == "optim.lr"
    assert "More than chance, optim.lr" in found.sentences("m")[0]


def test_a_trial_of_another_version_is_counted_as_left_out(loaded, ranking):
    ranked = ranking(24)
    ranked[3].trial.config["unheard_of"] = 1
    found = what_mattered(loaded, ranked, "max", "last")
    assert (len(found.ranked), found.left_out) == (23, 1)
    assert found.sentences("m")[0].startswith(
        "1 ranked trial is left out here: the space as it is now cannot draw it."
    )


def test_values_that_are_no_numbers_do_not_count(loaded, ranking):
    ranked = ranking(24, last=lambda place: math.nan if place < 3 else 0.01 * place)
    found = what_mattered(loaded, ranked, "max", "last")
    assert {one.parameter.name: one.trials for one in found.importances}["optim.lr"] == 21


def test_nothing_is_said_without_a_ranked_trial(loaded):
    assert what_mattered(loaded, [], "max", "last") is None
