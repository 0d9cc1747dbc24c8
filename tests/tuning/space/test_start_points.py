"""search.start_with: what the study begins with, or one line why it cannot."""

from functools import partial

import pytest

from platform.config.errors import ConfigError, UserError
from platform.config.load import load_space
from platform.config.ranges import Choice
from platform.methods._discovery import SECTIONS
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.names import flatten
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.space.search_check import check_search
from tests.sweep_records import made_record

SPACE = """
epochs: 10
batch_size: {choice: [16, 32]}
image_size: {choice: [16, [16, 32]]}
model: {backbone: resnet10t}
method:
  choice:
  - {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.5]}}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: {int: [1, 10]}}
optim: {name: sgd, lr: {loguniform: [1.0e-3, 1.0]}}
ema: {choice: [null, {decay: 0.9}]}
search:
  constraints: ["optim.lr * batch_size < 20"]
  start_with:
"""


@pytest.fixture
def load(tmp_path):
    def load_with(*entries, space=SPACE):
        file = tmp_path / "space.yaml"
        file.write_text("\n".join([space.strip(), *(f"  - {entry}" for entry in entries)]))
        return load_space(file, SweepConfig, fixed=SWEEP_FIELDS)

    return load_with


@pytest.fixture
def start(load, tmp_path):
    def suggestions(*entries, count=1):
        loaded = load(*entries)
        check_search(loaded)
        folder = SweepFolder(tmp_path / "runs" / "new")
        folder.path.mkdir(parents=True)
        search = SpaceSearch(loaded, folder, starts_of(loaded, folder.path.parent)[0])
        return [search.suggest(f"t{index}")["parameters"] for index in range(count)]

    return suggestions


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{optim.lr: 0.1, batch_size: 32}", {"optim.lr": 0.1, "batch_size": 32}),
        ("{optim: {lr: 0.1}, epochs: 10}", {"optim.lr": 0.1}),
        ("{optim: {name: sgd, lr: 1}, batch_size: 16}", {"optim.lr": 1.0}),
        ("{method: peer}", {"method": "peer"}),
        ("{method: {name: peer, drop_rate: 0.2}}", {"method": "peer", "method.drop_rate": 0.2}),
        ("{method.drop_rate: 0.6}", {"method": "peer", "method.drop_rate": 0.6}),
        ("{method.label_smoothing: 0}", {"method": "cross_entropy", "method.label_smoothing": 0.0}),
        ("{method: peer, method.ramp_epochs: 3.0}", {"method": "peer", "method.ramp_epochs": 3}),
        ("{image_size: [16, 32]}", {"image_size": "[16, 32]"}),
        ("{ema: null}", {"ema": None}),
        ("{ema: {decay: 0.9}}", {"ema": "decay 0.9"}),
        ("{published: true}", {"method": "peer", "method.drop_rate": 0.35, "method.ramp_epochs": 10}),
    ],
)
def test_a_point_is_the_first_trial_and_the_sampler_draws_the_rest(start, entry, expected):
    [parameters] = start(entry)
    assert expected.items() <= parameters.items()
    assert {"batch_size", "image_size", "method", "optim.lr", "ema"} <= parameters.keys()


def test_a_point_comes_again_until_what_is_drawn_for_it_fulfils_the_constraints(load, tmp_path):
    space = SPACE.replace("optim.lr * batch_size < 20", "optim.lr < 0.0011")
    loaded = load("{method.drop_rate: 0.25}", space=space)
    folder = SweepFolder(tmp_path / "new")
    folder.path.mkdir()
    search = SpaceSearch(loaded, folder, starts_of(loaded, tmp_path)[0])
    suggestion = search.suggest("a")
    known = search.study.trials
    assert suggestion["parameters"]["method.drop_rate"] == 0.25
    assert suggestion["parameters"]["optim.lr"] < 0.0011
    assert {trial.params["method[peer].drop_rate"] for trial in known} == {0.25}
    assert {trial.user_attrs["start"] for trial in known} == {"search.start_with"}
    assert [trial.state.name for trial in known[-2:]] == ["PRUNED", "RUNNING"]


def test_points_come_in_their_order_and_one_of_them_once(start):
    drawn = start("{optim.lr: 0.1}", "{optim.lr: 0.2}", "{optim.lr: 0.1}", count=3)
    assert [parameters["optim.lr"] for parameters in drawn[:2]] == [0.1, 0.2]
    assert drawn[2]["optim.lr"] not in (0.1, 0.2)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "{optim.lr: 3.0}",
            "15:16: search.start_with.1.optim.lr: must be within loguniform [0.001, 1], got 3.0",
        ),
        ("{optim: {lr: 3.0}}", "15:18: search.start_with.1.optim.lr: must be within loguniform"),
        ("{optim.lr: fast}", "optim.lr: must be a number of loguniform [0.001, 1], got 'fast'"),
        ("{batch_size: 64}", "batch_size: must be an option of choice [16, 32], got 64"),
        (
            "{method: per}",
            "must be an option of choice [cross_entropy, peer], got 'per'; did you mean 'peer'?",
        ),
        ("{method: {name: per}}", "method: say which option of choice [cross_entropy, peer] is meant"),
        ("{method: {drop: 0.2}}", "method: say which option of choice [cross_entropy, peer] is meant"),
        ("{method: peer, method.ramp_epochs: 2.5}", "must be a whole number of int [1, 10], got 2.5"),
        (
            "{method: cross_entropy, method.drop_rate: 0.3}",
            "there is no setting 'method.drop_rate' in such a",
        ),
        ("{optim.name: adamw}", "optim.name: is not searched and is 'sgd' in every trial, got 'adamw'"),
        ("{optim.rl: 0.1}", "there is no setting 'optim.rl' in such a trial; did you mean 'optim.lr'?"),
        ("{optim.lr: 1.0, batch_size: 32}", "does not fulfil the constraint optim.lr * batch_size < 20"),
        ("{}", "is empty: write settings, {from: SWEEP, best: N} or {published: true}"),
        ("{from: old, best: 0}", "best must be a whole number >= 1, got 0"),
        ("{from: old, optim.lr: 0.1}", "{from: …} is a start by itself, but here is also optim.lr"),
        ("{published: yes please}", "published must be true, got 'yes please'"),
        ("{optim.lr: {uniform: [0.1, 0.2]}}", "search is one for the whole sweep"),
    ],
)
def test_a_point_that_is_none_of_the_space_is_one_line_at_its_place(load, entry, expected):
    with pytest.raises(ConfigError) as caught:
        check_search(load("{optim.lr: 0.1}", entry))
    assert expected in str(caught.value)
    assert "space.yaml:15:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_published_settings_that_nothing_searches_are_refused(load):
    space = SPACE.replace("peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: {int: [1, 10]}", "peer")
    with pytest.raises(ConfigError, match="no method of this space has published settings that are searched"):
        check_search(load("{published: true}", space=space))


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_published_settings_are_settings_of_their_method(section):
    name = section.model_fields["name"].annotation.__args__[0]
    assert section.model_validate({"name": name, **section.published})


@pytest.fixture
def earlier(load, tmp_path):
    """runs/old: trials of a wider space, as MLflow has them."""
    wide = load(space=SPACE.replace("1.0e-3, 1.0]", "1.0e-4, 10.0]").replace("  start_with:\n", ""))
    folder = SweepFolder(tmp_path / "runs" / "old")
    folder.path.mkdir(parents=True)
    writer = SweepWriter.open(f"sqlite:///{tmp_path}/mlflow.db", "digits", "old")
    data = DatasetRecord("digits", "digits", "0", {"train": 1}, ["a"])
    writer.log_sweep(SweepDescription("", "", {}, 0, data))
    folder.write_record(made_record("old", writer.state))
    for name, outcome, accuracy, given in (
        ("0000", "finished", 0.7, {"method": "peer", "method[peer].drop_rate": 0.2, "optim.lr": 0.01}),
        ("0001", "failed", 0.99, {"method": "peer", "optim.lr": 0.02}),
        ("0002", "finished", 0.9, {"method": "cross_entropy", "optim.lr": 5.0}),
        ("0003", "pruned", 0.8, {"method": "cross_entropy", "optim.lr": 0.3, "ema": "decay 0.9"}),
    ):
        resolved = wide.space.resolve(partial(given_or_first, given))
        write_trial(writer, name, wide.validate(resolved), resolved, outcome, accuracy)
    return folder


def given_or_first(given, name, range_):
    first = range_.labels[0] if isinstance(range_, Choice) else range_.low
    return given.get(name, first)


def write_trial(writer, name, config, resolved, outcome, accuracy):
    trial = config.trial().model_dump(mode="json")
    writer.start_trial(name, searched=resolved.parameters, constants=flatten(trial), config=trial)
    writer.report(name, 1, {"val/accuracy": accuracy})
    writer.finish_trial(name, outcome)


def test_an_earlier_sweeps_best_that_fit_are_taken_and_the_others_said(earlier, load):
    starts, said = starts_of(load("{from: old, best: 2}"), earlier.path.parent)
    assert [start.origin for start in starts] == ["old/0003", "old/0000"]
    assert starts[0].parameters["optim.lr"] == 0.3
    assert starts[1].parameters["method[peer].drop_rate"] == 0.2
    assert said == ["trial 0002 of old is left out: optim.lr: must be within loguniform [0.001, 1], got 5.0"]


def test_a_sweep_that_is_not_there_is_one_line(load, tmp_path):
    (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match=r"start_with.0.from: no sweep 'old' in .*runs; there are: none"):
        starts_of(load("{from: old}"), tmp_path / "runs")
