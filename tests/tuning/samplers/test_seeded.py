"""Each of Optuna's samplers behind the section search.sampler; Optuna is the real one."""

import importlib.util

import optuna
import pytest
from ray.tune.search import Searcher

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.config.space import Space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.plan import as_text, make_plan, trials_of
from platform.tuning.samplers.curve_memory import CurveMemory
from platform.tuning.samplers.curve_sampler import CurveSampler
from platform.tuning.samplers.seeded import make_sampler
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.search_check import check_search

HEAD = "epochs: 4\nmodel: {backbone: resnet10t}\n"
NUMBERS = """
method: {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: {int: [1, 4]}}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
"""
FINITE = """
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, ramp_epochs: {int: [1, 3]}}
optim: {nesterov: {choice: [true, false]}}
"""
SAMPLERS = {
    "tpe": "{name: tpe, n_startup_trials: 3, n_ei_candidates: 10, multivariate: true, constant_liar: true}",
    "tpe alone": "{name: tpe, n_startup_trials: 3, multivariate: false, group: false, constant_liar: false}",
    "random": "{name: random}",
    "cmaes": "{name: cmaes, n_startup_trials: 2, popsize: 4, with_margin: true}",
    "gp": "{name: gp, n_startup_trials: 3, deterministic_objective: true}",
    "curves": "{name: curves, n_startup_trials: 3, n_ei_candidates: 50}",
    "qmc": "{name: qmc, qmc_type: halton, scramble: true}",
    "grid": "{name: grid}",
}
needs_cmaes = pytest.mark.skipif(importlib.util.find_spec("cmaes") is None, reason="cmaes is not installed")
EACH = [pytest.param(name, marks=needs_cmaes if name == "cmaes" else ()) for name in SAMPLERS]


@pytest.fixture
def search(tmp_path):
    def make(name, sampler, *overrides, space=NUMBERS, resumes=False):
        folder = tmp_path / name
        folder.mkdir(exist_ok=resumes)
        file = folder / "space.yaml"
        file.write_text(f"{HEAD}{space}search: {{trials: 8, sampler: {sampler}}}\n")
        loaded = load_space(file, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
        return SpaceSearch(loaded, SweepFolder(folder), resumes=resumes)

    return make


class Killed(BaseException):
    """What ends a process at once."""


def draw(search, trials=7):
    """Trials one after another, each told with a value that follows from its parameters."""
    drawn = []
    for index in range(trials):
        parameters = search.suggest(f"t{index}")["parameters"]
        value = parameters.get("method.ramp_epochs", 0) / 8 + parameters.get("optim.lr", 0.1)
        search.on_trial_complete(f"t{index}", {"val/accuracy": value, "epoch": 4, "finished": True})
        drawn.append(tuple(sorted(parameters.items())))
    return drawn


@pytest.mark.parametrize("name", EACH)
def test_the_seed_decides_what_is_drawn(search, name):
    space = FINITE if name == "grid" else NUMBERS
    one, again, other = (
        draw(search(folder, SAMPLERS[name], f"seed={seed}", space=space))
        for folder, seed in (("one", 0), ("again", 0), ("other", 1))
    )
    assert one == again
    assert one != other
    assert len(set(one)) == 7


@pytest.mark.parametrize("drawn", [1, 2])
@pytest.mark.parametrize("name", EACH)
def test_a_trial_that_a_killed_process_was_drawing_is_the_one_that_it_would_have_been(
    search, name, drawn, monkeypatch
):
    def killed(*_):
        nonlocal drawn
        drawn -= 1
        if drawn < 0:
            raise Killed
        return write(*_)

    space = FINITE if name == "grid" else NUMBERS
    unbroken = draw(search("unbroken", SAMPLERS[name], space=space), trials=5)
    broken = search("broken", SAMPLERS[name], space=space)
    assert draw(broken, trials=4) == unbroken[:4]
    write = broken._storage.set_trial_param
    monkeypatch.setattr(broken._storage, "set_trial_param", killed)
    with pytest.raises(Killed):
        broken.suggest("t4")
    resumed = search("broken", SAMPLERS[name], space=space, resumes=True)
    assert len(resumed.study.trials[4].params) < len(unbroken[4])
    assert draw(resumed, trials=1) == unbroken[4:]


@pytest.mark.parametrize("name", EACH)
def test_optuna_has_every_option_under_the_same_name(name):
    search = SearchConfig.model_validate({"sampler": {"name": name.split()[0]}})
    made = make_sampler(search, seed=0, own_seed=0, curves=CurveMemory(Space({}), 4, "best"))
    expected = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
        "gp": optuna.samplers.GPSampler,
        "curves": CurveSampler,
        "qmc": optuna.samplers.QMCSampler,
        "grid": optuna.samplers.BruteForceSampler,
    }
    assert isinstance(made, expected[search.sampler.name])


@pytest.fixture
def load(tmp_path):
    def load_text(sampler, space):
        file = tmp_path / "space.yaml"
        file.write_text(f"{HEAD}{space}search:\n  trials: 20\n  sampler: {{name: {sampler}}}\n")
        return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)

    return load_text


CHOICES = """
method: {choice: [{name: cross_entropy}, {name: peer, drop_rate: {uniform: [0.1, 0.6]}}]}
optim: {nesterov: {choice: [true, false]}, lr: {loguniform: [1.0e-3, 1.0e-1]}}
"""


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("tpe", []),
        ("random", []),
        ("curves", []),
        ("gp", ["method.drop_rate"]),
        ("qmc", ["method", "method.drop_rate", "optim.nesterov"]),
    ],
)
def test_the_plan_says_what_a_sampler_leaves_to_chance(load, sampler, expected):
    plan = make_plan(load(sampler, CHOICES), "night")
    assert [parameter.path for parameter in plan.left_to_chance] == expected
    shown = f"{sampler}, but independently at random for: {', '.join(expected)}" if expected else sampler
    assert shown in " ".join(as_text(plan).split())


@pytest.mark.parametrize(
    ("sampler", "space", "expected"),
    [
        (
            "grid",
            NUMBERS,
            "grid needs finite ranges (int, logint, choice), but method.drop_rate is uniform [0.1, 0.6], "
            "optim.lr is loguniform [0.001, 0.1]",
        ),
        (
            "qmc",
            FINITE,
            "qmc models numbers outside of any choice, at least 1; here are 0: take tpe or random",
        ),
        pytest.param("cmaes", CHOICES, "cmaes models numbers outside of any", marks=needs_cmaes),
    ],
)
def test_a_sampler_that_does_not_fit_the_space_is_refused_at_its_place(load, sampler, space, expected):
    with pytest.raises(ConfigError, match=r"space.yaml:\d+:12: search.sampler: ") as caught:
        check_search(load(sampler, space))
    assert expected in str(caught.value)


def test_a_grid_has_no_more_trials_than_points(load):
    assert trials_of(load("grid", FINITE)) == 8
    assert trials_of(load("random", FINITE)) == 20


def test_a_grid_is_every_point_once_those_of_an_option_only_in_it(search):
    grid = search("grid", SAMPLERS["grid"], space=FINITE)
    drawn = draw(grid, trials=8)
    assert len(set(drawn)) == 8, "(1 + 3) x 2"
    assert sum(("method", "cross_entropy") in point for point in drawn) == 2
    assert grid.suggest("one more") == Searcher.FINISHED


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [
        ("{name: tpe, n_startup: 3}", "unknown key 'n_startup'; did you mean 'n_startup_trials'?"),
        ("{name: cma}", "unknown name 'cma'; did you mean 'cmaes'?"),
        ("{name: qmc, qmc_type: sobel}", "got 'sobel'; did you mean 'sobol'?"),
        ("{name: tpe, group: true, multivariate: false}", "search.sampler.group: needs multivariate: true"),
        ("{name: cmaes, popsize: 1}", "search.sampler.popsize: must be >= 2, got 1"),
        ("{name: random, seed: 3}", "unknown key 'seed'"),
    ],
)
def test_a_mistake_in_a_samplers_options_is_one_line(search, sampler, expected):
    with pytest.raises(ConfigError) as caught:
        search("wrong", sampler)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
