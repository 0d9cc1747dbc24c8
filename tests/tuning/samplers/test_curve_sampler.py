"""The sampler `curves`: its space of units, its process, and what it draws."""

from typing import Any

import numpy as np
import optuna
import pytest

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.config.ranges import NumberRange
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.samplers.curve_memory import MOST, CurveMemory, Seen, foremost
from platform.tuning.samplers.curve_process import CurveProcess, Observed
from platform.tuning.samplers.curve_sampler import log_improvement, squashed
from platform.tuning.samplers.unit_space import UnitSpace
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.search_check import check_search

SPACE = """
epochs: 8
model: {backbone: resnet10t}
batch_size: {choice: [16, 32]}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: {int: [1, 4]}}
optim:
  choice:
  - {name: sgd, lr: {loguniform: [1.0e-3, 1.0]}}
  - {name: adamw, lr: {loguniform: [1.0e-5, 1.0e-2]}}
search: {sampler: {name: curves, n_startup_trials: 4, n_ei_candidates: 60}}
"""


@pytest.fixture
def load(tmp_path):
    def load_it(*overrides):
        file = tmp_path / "space.yaml"
        file.write_text(SPACE)
        return load_space(file, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    return load_it


def trained(search, number):
    """A trial that SGD's learning rate decides, stopped after three epochs where it is bad."""
    parameters = search.suggest(f"t{number}")["parameters"]
    off = abs(np.log10(parameters["optim.lr"] / (0.1 if parameters["optim"] == "sgd" else 1e-3)))
    for epoch in range(1, 9 if off < 1 else 4):
        result = {"val/accuracy": 0.9 - 0.2 * off - 0.5 / epoch, "epoch": epoch, "finished": epoch == 8}
        search.on_trial_result(f"t{number}", result)
    search.on_trial_complete(f"t{number}", result)
    return off


def test_values_come_back_from_their_units_and_only_what_is_active_is_drawn(load):
    units = UnitSpace(load().space)
    rows = units.draw(np.random.default_rng(0), 50, {"method": "peer"}, None)
    for row in rows:
        values = units.values(row)
        np.testing.assert_allclose(units.units(values), row, atol=1e-12)
        assert values["method"] == "peer" and {"method[peer].drop_rate", "method[peer].ramp_epochs"} <= set(
            values
        )
        assert ("optim[sgd].lr" in values) == (values["optim"] == "sgd") != ("optim[adamw].lr" in values)


def test_a_setting_of_several_options_is_one_dimension(load):
    units = UnitSpace(load().space)
    assert len(units.ranges) - len(units.is_choice) == 1, "the learning rates"
    common = {"batch_size": 16, "method": "cross_entropy"}
    sgd, adamw = {"optim": "sgd", "optim[sgd].lr": 1e-1}, {"optim": "adamw", "optim[adamw].lr": 1e-3}
    first, second = units.points(np.stack([units.units(common | one) for one in (sgd, adamw)]))
    assert np.sum(~np.isnan(first) & ~np.isclose(first, second)) == 1, "the optimizer"


def test_middles_of_ranges_are_likelier_and_no_option_for_having_many_numbers(load):
    units = UnitSpace(load("method={name: peer, drop_rate: {uniform: [0.1, 0.6]}}").space)
    rng = np.random.default_rng(0)
    assert np.all(units.log_prior(units.draw(rng, 50, {"optim": "sgd"})) < 0)
    rows = np.stack(
        [
            units.units(
                {"batch_size": 16, "method.drop_rate": drop_rate, "optim": "sgd", "optim[sgd].lr": lr}
            )
            for drop_rate, lr in ((0.35, 10**-1.5), (0.35, 1e-3), (0.35, 1.0), (0.225, 10**-1.5))
        ]
    )
    middle, low, high, quarter = units.log_prior(rows)
    assert middle == pytest.approx(0, abs=1e-9) and quarter == pytest.approx(np.log(0.75))
    assert np.isfinite(low) and low == pytest.approx(high)

    for shape, share in ((1.0, 0.5), (2.0, 0.6875)):  # Beta(2, 2) has so much between 1/4 and 3/4
        places = units.draw(rng, 4000, {}, shape=shape)[
            :, [isinstance(one, NumberRange) for one in units.ranges]
        ]
        inside = np.abs(places[~np.isnan(places)] - 0.5) < 0.25
        assert inside.mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("values", [{"batch_size": 64}, {"optim[sgd].lr": 3.0}, {"gone": 1}])
def test_what_is_none_of_the_space_has_no_units(load, values):
    assert UnitSpace(load().space).units(values) is None


def test_the_process_finds_the_best_of_a_number_and_is_surer_where_it_was_told():
    points = np.linspace(0, 1, 9)[:, None]
    told = Observed(points, np.ones(9), np.arange(9.0))
    process = CurveProcess(told, -((points[:, 0] - 0.7) ** 2) * 4, [False])
    asked = np.linspace(0, 1, 101)[:, None]
    mean, deviation = process.predict(asked)
    assert abs(asked[mean.argmax(), 0] - 0.7) < 0.1
    before = deviation.copy()
    process.believe(np.array([[0.5]]))
    assert np.all(process.predict(asked)[1] <= before + 1e-9)


def test_improvement_equals_the_integral_and_goes_on_falling_where_floats_end():
    normal = np.random.default_rng(0).standard_normal(400_000)
    gains, deviations = np.array([0.3, -0.2, -1.0]), np.array([0.5, 0.2, 0.6])
    expected = [np.maximum(gain + sd * normal, 0).mean() for gain, sd in zip(gains, deviations, strict=True)]
    np.testing.assert_allclose(np.exp(log_improvement(gains, deviations)), expected, rtol=0.03)
    far = log_improvement(np.linspace(-60, 1, 500), np.ones(500))
    assert np.all(np.isfinite(far)) and np.all(np.diff(far) > 0)


def test_squashing_keeps_the_order():
    values = np.sort(np.random.default_rng(0).standard_normal(50)) ** 3
    assert np.all(np.diff(squashed(values)) > 0)
    assert np.all(squashed(np.ones(4)) == 0)
    assert squashed(np.array([0.5, -np.inf, 0.5])).tolist() == [0, -1, 0]
    assert squashed(np.r_[np.linspace(0, 1e-3, 46), [0.3, 0.4, 0.5, 0.6]]).max() < 10


def test_the_search_closes_in_and_a_resumed_one_draws_the_same(load, tmp_path):
    folders = [SweepFolder(tmp_path / name) for name in ("whole", "resumed")]
    for folder in folders:
        folder.path.mkdir()
    whole, resumed = (SpaceSearch(load(), folder) for folder in folders)
    offs = [trained(whole, number) for number in range(12)]
    assert np.median(offs[-6:]) < 0.4, "of random ones it is 0.9"
    for number in range(12):
        if number == 6:
            resumed = SpaceSearch(load(), folders[1], resumes=True)
        assert trained(resumed, number) == offs[number]


@pytest.mark.parametrize(("confidence", "arrives"), [("0", True), ("10", True), ("1e5", False)])
def test_that_middles_are_likelier_is_forgotten_in_time(load, tmp_path, confidence, arrives):
    """The learning rate's highest is the best here."""
    loaded = load("method={name: cross_entropy}", f"search.sampler.prior_confidence={confidence}")
    search, below = SpaceSearch(loaded, SweepFolder(tmp_path)), []
    for number in range(24):
        parameters = search.suggest(f"t{number}")["parameters"]
        below.append(np.log10((1.0 if parameters["optim"] == "sgd" else 1e-2) / parameters["optim.lr"]))
        result = {"val/accuracy": 0.9 - 0.2 * below[-1], "epoch": 8, "finished": True}
        search.on_trial_complete(f"t{number}", result)
    assert (np.median(below[-6:]) < 0.3) == arrives, "the middle is 1.5 below"


def test_of_very_many_trials_the_best_and_the_latest_are_learnt_from():
    pruned = optuna.trial.TrialState.PRUNED
    worth = (*range(550), *[200] * 50)
    trials = [
        Seen(number, None, (0.5, 1.0)[number % 2 :], (0.0, float(value))[number % 2 :], pruned)
        for number, value in enumerate(worth)
    ]
    kept = foremost(trials)
    assert MOST - 2 <= sum(len(one.values) for one in kept) <= MOST
    numbers = [one.number for one in kept]
    assert numbers == sorted(numbers) and set(range(500, 600)) < set(numbers)
    assert foremost(trials[:100]) == trials[:100]


@pytest.mark.parametrize(("direction", "best"), [("MAXIMIZE", 0.7), ("MINIMIZE", -0.2)])
def test_a_trial_is_looked_at_in_few_epochs_and_no_more_once_it_has_ended(load, direction, best):
    memory = CurveMemory(load().space, 20, "best")
    values = {1: 0.3, 3: 0.2, 4: 0.7, 9: float("nan"), 10: 0.5}
    params: dict[str, Any] = {"batch_size": 16, "method": "cross_entropy", "optim": "sgd"}
    params["optim[sgd].lr"] = 0.1
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution([value]) for name, value in params.items()
    }
    ended = optuna.trial.create_trial(
        state=optuna.trial.TrialState.FAIL,
        params=params,
        distributions=distributions,
        intermediate_values=values,
    )
    seen = memory.of(ended, optuna.study.StudyDirection[direction])
    assert seen.times == pytest.approx([np.log(3) / np.log(20), np.log(10) / np.log(20)])
    assert seen.values[-1] == best and seen.row_P is not None and not seen.was_drawn_in_vain
    ended.intermediate_values[20] = 0.9
    assert memory.of(ended, optuna.study.StudyDirection[direction]) is seen


@pytest.mark.parametrize("drawn", ["sgd", "adamw"])
def test_what_a_killed_process_had_drawn_stays_though_others_have_gone_on(load, tmp_path, drawn):
    search = SpaceSearch(load(), SweepFolder(tmp_path))
    for number in range(6):
        trained(search, number)
    half = search.study.ask()
    labels = optuna.distributions.CategoricalDistribution(["sgd", "adamw"])
    half.storage.set_trial_param(half._trial_id, "optim", labels.to_internal_repr(drawn), labels)
    parameters = SpaceSearch(load(), SweepFolder(tmp_path), resumes=True).suggest("t6")["parameters"]
    assert parameters["optim"] == drawn


def test_constraints_are_fulfilled(load, tmp_path):
    loaded = load("search.constraints=[batch_size < 20]")
    search = SpaceSearch(loaded, SweepFolder(tmp_path))
    for number in range(8):
        trained(search, number)
    assert {one.parameters["batch_size"] for one in search.records.past()} == {16}


@pytest.mark.parametrize(("statistic", "expected"), [("best", "peer"), ("last", "cross_entropy")])
def test_it_looks_for_what_the_statistic_selects(load, tmp_path, statistic, expected):
    """Peer-learning has the best epoch here, and the worst end."""
    search = SpaceSearch(load(f"search.statistic={statistic}"), SweepFolder(tmp_path))
    drawn = []
    for number in range(16):
        drawn.append(search.suggest(f"t{number}")["parameters"]["method"])
        curve = [0.1, *[0.9] * 6, 0.2] if drawn[-1] == "peer" else [0.3, *[0.5] * 7]
        for epoch, value in enumerate(curve, start=1):
            result = {"val/accuracy": value, "epoch": epoch, "finished": epoch == 8}
            search.on_trial_result(f"t{number}", result)
        search.on_trial_complete(f"t{number}", result)
    assert drawn[-8:].count(expected) >= 6


@pytest.mark.parametrize(("epochs", "longest"), [(1, 1), (3, 8)])
def test_the_last_epoch_of_a_trial_that_was_run_to_its_end_is_its_end(load, epochs, longest):
    values = {epoch: epoch / 10 for epoch in range(1, epochs + 1)}
    for state, at_end in ((optuna.trial.TrialState.COMPLETE, True), (optuna.trial.TrialState.PRUNED, False)):
        ended = optuna.trial.create_trial(state=state, value=values[epochs], intermediate_values=values)
        seen = CurveMemory(load().space, longest, "best").of(ended, optuna.study.StudyDirection.MAXIMIZE)
        assert (seen.times[-1] == 1) == at_end


def test_one_epoch_is_enough_to_learn_from(load, tmp_path):
    loaded = load("epochs=1", "method={name: cross_entropy}")
    search, offs = SpaceSearch(loaded, SweepFolder(tmp_path)), []
    for number in range(16):
        parameters = search.suggest(f"t{number}")["parameters"]
        offs.append(abs(np.log10(parameters["optim.lr"] / (0.1 if parameters["optim"] == "sgd" else 1e-3))))
        result = {"val/accuracy": 0.9 - 0.2 * offs[-1], "epoch": 1, "finished": True}
        search.on_trial_complete(f"t{number}", result)
    assert np.median(offs[-6:]) < 0.4, "of random ones it is 0.9"


FINITE = ["method={name: cross_entropy}", "optim={name: sgd, lr: {choice: [0.001, 0.01, 0.1]}}"]
FINITE += ["batch_size={choice: [8, 16, 32, 64]}"]


def test_no_sample_is_drawn_twice_while_there_are_others(load, tmp_path):
    """The same sample has the same seed: trained again it says what is known."""
    search, drawn = SpaceSearch(load(*FINITE), SweepFolder(tmp_path)), []
    for number in range(14):
        drawn.append(search.suggest(f"t{number}")["parameters"])
        value = 0.9 - abs(np.log10(drawn[-1]["optim.lr"] / 0.1)) / 5
        search.on_trial_complete(f"t{number}", {"val/accuracy": value, "epoch": 8, "finished": True})
    distinct = {tuple(one.items()) for one in drawn}
    assert len(distinct) == 12 and all(dict(one) in drawn[:12] for one in distinct), "then the best again"


def test_what_fails_is_kept_away_from_however_good_it_was(load, tmp_path):
    """Peer-learning is the best, until it always fails."""
    search, drawn = SpaceSearch(load(), SweepFolder(tmp_path)), []
    for number in range(20):
        drawn.append(search.suggest(f"t{number}")["parameters"]["method"])
        good = 0.1 * (drawn[-1] == "peer")
        for epoch in range(1, 6):
            result = {"val/accuracy": 0.5 + good, "epoch": epoch, "finished": False}
            search.on_trial_result(f"t{number}", result)
        if drawn[-1] == "peer":
            search.on_trial_complete(f"t{number}", error=True)
        else:
            search.on_trial_complete(f"t{number}", result)
    assert drawn[-10:].count("peer") <= 2


def test_it_is_the_usual_sampler_of_a_single_goal():
    assert SearchConfig().sampler.name == "curves"
    assert SearchConfig.model_validate({"metric": "val/loss"}).sampler.name == "curves"
    for several in (["val/accuracy", "val/ece"], {"val/accuracy": "max", "time/images_per_s": "max"}):
        assert SearchConfig.model_validate({"metric": several}).sampler.name == "tpe"


def test_several_goals_are_refused_in_one_line(load):
    loaded = load("search.metric=[val/accuracy, time/images_per_s]")
    with pytest.raises(ConfigError, match="curves looks for a single goal") as caught:
        check_search(loaded)
    assert "\n" not in str(caught.value)
