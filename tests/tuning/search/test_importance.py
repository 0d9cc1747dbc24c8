"""What mattered in spaces in which that is known; Optuna is the real one."""

import random
from dataclasses import replace

import pytest

from platform.config.load import load_space
from platform.tuning.search.importance import LEAST_TRIALS, JudgedTrial, importances
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

pytestmark = pytest.mark.sweep

SPACE = """
epochs: 4
image_size: 8
model: {backbone: test_resnet}
method:
  choice:
  - {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
  - {name: peer, drop_rate: {uniform: [0.5, 0.9]}, ramp_epochs: {int: [1, 3]}}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}, weight_decay: {uniform: [0.0, 0.01]},
  nesterov: {choice: [true, false]}}
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    file = tmp_path_factory.mktemp("space") / "space.yaml"
    file.write_text(SPACE)
    return load_space(file, SweepConfig, fixed=SWEEP_FIELDS).space


def trials(space, count, value):
    """Random trials of the space, worth what ``value`` says of their parameters."""
    rng = random.Random(3)

    def draw():
        drawn = {}

        def pick(name, range_):
            if hasattr(range_, "labels"):
                drawn[name] = rng.choice(range_.labels)
            elif range_.is_int:
                drawn[name] = rng.randint(range_.low, range_.high)
            else:
                drawn[name] = rng.uniform(range_.low, range_.high)
            return drawn[name]

        space.resolve(pick)
        return JudgedTrial(drawn, value(drawn), is_whole=True)

    return [draw() for _ in range(count)]


def by_name(space, made, direction="max"):
    return {one.parameter.name: one for one in importances(space, made, direction)}


@pytest.mark.parametrize(("direction", "sign"), [("max", -1), ("min", 1)])
def test_what_alone_moves_the_metric_comes_first_and_is_above_chance(space, direction, sign):
    made = trials(space, 60, lambda drawn: sign * abs(drawn["optim.lr"] - 0.03))
    found = importances(space, made, direction)
    assert found[0].parameter.name == "optim.lr"
    assert found[0].matters
    assert found[0].fanova > 0.8
    others = [one for one in found if one.parameter.name != "optim.lr"]
    assert max(one.fanova or 0 for one in others) < 0.2


def test_a_parameter_below_an_option_is_judged_among_the_trials_that_chose_it(space):
    made = trials(space, 80, lambda drawn: drawn.get("method[peer].drop_rate", 0.7))
    found = by_name(space, made)
    peers = [trial for trial in made if trial.parameters["method"] == "peer"]
    assert found["method[peer].drop_rate"].trials == len(peers) < 80
    assert found["method[peer].drop_rate"].matters
    assert found["method[peer].drop_rate"].fanova > 0.8
    assert not found["method[cross_entropy].label_smoothing"].matters, "all of these are worth the same"


def test_an_option_that_wins_does_not_decide_what_matters_below_the_options(space):
    """Optuna's own handling of conditional parameters sees only the best of all trials, here all peers."""
    rng = random.Random(7)

    def value(drawn):
        is_peer = drawn["method"] == "peer"
        return 2 + rng.random() if is_peer else drawn["method[cross_entropy].label_smoothing"]

    found = by_name(space, trials(space, 80, value))
    assert found["method"].matters
    assert found["method[cross_entropy].label_smoothing"].matters
    assert not found["method[peer].drop_rate"].matters and not found["method[peer].ramp_epochs"].matters


def test_too_few_trials_have_no_importance(space):
    found = importances(space, trials(space, LEAST_TRIALS - 1, lambda drawn: drawn["optim.lr"]), "max")
    assert len(found) == 7
    assert all((one.ped_anova, one.chance, one.fanova) == (None, None, None) for one in found)
    assert not any(one.matters for one in found)


def test_trials_that_were_stopped_early_count_as_not_the_best_but_have_no_variance(space):
    made = trials(space, 60, lambda drawn: drawn["optim.lr"])
    made = [replace(trial, is_whole=trial.value > 0.08) for trial in made]
    found = by_name(space, made)
    assert found["optim.lr"].matters
    assert found["optim.lr"].whole < LEAST_TRIALS
    assert found["optim.lr"].fanova is None


@pytest.mark.parametrize("value", [0.5, 0.0])
def test_trials_that_are_all_worth_the_same_have_no_importance(space, value):
    assert by_name(space, trials(space, 40, lambda _: value))["optim.lr"].ped_anova is None


def test_pure_noise_seldom_matters(space):
    rng = random.Random(5)
    found = importances(space, trials(space, 60, lambda _: rng.random()), "max")
    assert sum(one.matters for one in found) <= 1
    assert all(one.fanova is None for one in found), "a forest shares out noise, too"
