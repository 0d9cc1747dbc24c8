"""search.constraints: refused where they are wrong, kept by what is trained, learnt by the sampler."""

import pytest
from ray.tune.search import Searcher

from platform.config.errors import ConfigError, UserError
from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search import sampling
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.constraint_check import check_constraints
from platform.tuning.space.start_points import Start

SPACE = """
epochs: 4
batch_size: {choice: [16, 32, 64]}
model: {backbone: resnet10t}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 2}
optim: {lr: {loguniform: [1.0e-3, 1.0]}}
search:
  sampler: {name: SAMPLER}
  constraints:
"""


@pytest.fixture
def load(tmp_path):
    def load_with(*constraints, sampler="random"):
        file = tmp_path / "space.yaml"
        lines = [f'  - "{constraint}"' for constraint in constraints]
        file.write_text("\n".join([SPACE.strip().replace("SAMPLER", sampler), *lines]))
        return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)

    return load_with


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optim.rate < 1", "there is no setting 'optim.rate'"),
        ("optim.lrr < 1", "there is no setting 'optim.lrr'; did you mean 'optim.lr'?"),
        ("drop_rate < 1", "there is no setting 'drop_rate'; did you mean 'method.drop_rate'?"),
        ("optim.__class__ == 1", "there is no setting 'optim.__class__'"),
        ("optim < 1", "optim is a section; name one of its settings: optim.name"),
        ("method == 'per'", "method is never 'per'; did you mean 'peer'?; it may be cross_entropy, peer"),
        ("batch_size == 'many'", "batch_size is never 'many'; it is no text"),
        ("method < 3", "compares 'cross_entropy' with 3.0 by <, which is for numbers"),
        ("print(batch_size) < 3", "calls a function"),
        ("batch_size", "'batch_size' is no comparison"),
    ],
)
def test_a_mistake_is_one_line_at_its_place(load, text, expected):
    with pytest.raises(ConfigError) as caught:
        check_constraints(load("batch_size < 1000", text))
    line = str(caught.value)
    assert f"space.yaml:13:5: search.constraints.1: {expected}" in line
    assert "\n" not in line


def test_each_mistake_has_its_line(load):
    with pytest.raises(ConfigError) as caught:
        check_constraints(load("a.b < 1", "c < 2"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_space_without_a_feasible_sample_is_refused_before_the_sweep(load):
    with pytest.raises(ConfigError) as caught:
        check_constraints(load("optim.lr * batch_size > 100", "batch_size > 16"))
    assert str(caught.value).endswith(
        "space.yaml:12:3: search.constraints: none of 1000 samples in a row fulfils them all; "
        "1000 do not fulfil optim.lr * batch_size > 100"
    )


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_what_is_not_feasible_is_not_trained_but_told(load, tmp_path, sampler):
    texts = ["optim.lr * batch_size < 1", "method == 'peer'", "method.drop_rate < 0.5"]
    loaded = load(*texts, sampler=sampler)
    check_constraints(loaded)
    (tmp_path / "sweep").mkdir()
    search = SpaceSearch(loaded, SweepFolder(tmp_path / "sweep"))
    for index in range(8):
        parameters = search.suggest(f"t{index}")["parameters"]
        assert parameters["optim.lr"] * parameters["batch_size"] < 1
        assert parameters["method"] == "peer" and parameters["method.drop_rate"] < 0.5
        search.on_trial_complete(f"t{index}", {"val/accuracy": 0.5, "epoch": 4, "finished": True})
    states = [trial.state.name for trial in search.study.trials]
    assert states.count("COMPLETE") == 8 and set(states) == {"COMPLETE", "PRUNED"}
    for trial in search.study.trials:
        is_feasible = all(value <= 0 for value in trial.constraints.values())
        assert set(trial.constraints) == set(texts)
        assert is_feasible == (trial.state.name == "COMPLETE")


def test_tpe_learns_where_the_feasible_part_is(load, tmp_path):
    text = "optim.lr * batch_size < 0.2"
    drawn = {}
    for sampler in ("random", "tpe"):
        (tmp_path / sampler).mkdir()
        search = SpaceSearch(load(text, sampler=sampler), SweepFolder(tmp_path / sampler))
        for index in range(20):
            search.suggest(f"t{index}")
            search.on_trial_complete(f"t{index}", {"val/accuracy": 0.5, "epoch": 4, "finished": True})
        drawn[sampler] = len(search.study.trials)
    assert drawn["tpe"] < 0.7 * drawn["random"]


def test_drawing_ends_with_a_line(load, tmp_path, monkeypatch):
    """What the check before the sweep could not see: a part so small that no draw hits it."""
    (tmp_path / "sweep").mkdir()
    search = SpaceSearch(load("optim.lr == 0.5"), SweepFolder(tmp_path / "sweep"))
    monkeypatch.setattr(sampling, "MAX_INFEASIBLE", 20)
    with pytest.raises(UserError, match="none of 20 samples in a row fulfils them all; 20 do not fulfil"):
        search.suggest("t")
    assert {trial.state.name for trial in search.study.trials} == {"PRUNED"}


def test_a_search_that_finds_no_more_ends_with_what_it_has(load, tmp_path, monkeypatch, caplog):
    (tmp_path / "sweep").mkdir()
    search = SpaceSearch(
        load("optim.lr == 0.5"), SweepFolder(tmp_path / "sweep"), [Start({"optim.lr": 0.5}, "given")]
    )
    monkeypatch.setattr(sampling, "MAX_INFEASIBLE", 5)
    assert search.suggest("a")["parameters"]["optim.lr"] == 0.5
    assert search.suggest("b") == Searcher.FINISHED
    assert "the search ends early: search.constraints: none of 5 samples in a row" in caplog.text


def test_a_constraint_on_an_option_that_is_not_chosen_does_not_apply():
    assert parse_constraint("method.drop_rate < 0.1").violation({"method": "cross_entropy"}) == 0
