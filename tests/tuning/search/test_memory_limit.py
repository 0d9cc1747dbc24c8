"""Samples for which trials have shown that there is no memory; the study and its storage are real."""

import pytest

from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.memory_limit import MemoryLimit
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.start_points import Start
from platform.tuning.trial.outcome import is_out_of_memory

SPACE = """
epochs: 2
image_size: 8
model: {backbone: {choice: [test_resnet, test_convnext]}}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
batch_size: {choice: [32, 64, 128, 256]}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
search: {sampler: {name: SAMPLER}}
"""


@pytest.fixture
def make(tmp_path):
    """``make()``: a search, a new one first and then one that goes on with it."""

    def search(sampler="random"):
        space = tmp_path / "space.yaml"
        resumes = space.exists()
        space.write_text(SPACE.replace("SAMPLER", sampler))
        loaded = load_space(space, SweepConfig, fixed=SWEEP_FIELDS)
        return SpaceSearch(loaded, SweepFolder(tmp_path), resumes=resumes)

    return search


def asks(batch_size, backbone="test_resnet", lr=0.01):
    return {"batch_size": batch_size, "model.backbone": backbone, "optim.lr": lr}


@pytest.fixture
def limit(make):
    """``limit([asks(…)], [asks(…)])``: what a study knows whose trials ran out of memory, or fitted."""
    study = make().study

    def known(ran_out, fitted=()):
        limit = MemoryLimit(study)
        for place, parameters in enumerate([*ran_out, *fitted]):
            study.enqueue_trial(parameters)
            trial = study.ask()
            if not parameters:
                limit.add(trial.number)
                continue
            trial.suggest_categorical("batch_size", [16, 32, 64, 128, 256, 512])
            trial.suggest_categorical("model.backbone", ["test_resnet", "test_convnext"])
            trial.suggest_float("optim.lr", 1e-3, 1.0)
            if place < len(ran_out):
                limit.add(trial.number)
            else:
                trial.report(0.5, 1)
        return limit

    return known


@pytest.mark.parametrize(
    ("sample", "violation"),
    [
        (asks(256), 1),
        (asks(512), 2),
        (asks(256, lr=0.5), 1),
        (asks(128), 0),
        (asks(256, backbone="test_convnext"), 0),
    ],
    ids=["as much", "twice as much", "another rate", "half as much", "another backbone"],
)
def test_a_sample_is_refused_that_asks_for_no_less_than_two_that_ran_out(limit, sample, violation):
    assert limit([asks(256), asks(256)]).violation(sample) == violation


def test_one_that_ran_out_may_have_had_a_greedy_neighbour(limit):
    assert limit([asks(256), asks(512)]).violation(asks(256)) == 0


def test_a_trial_of_which_nothing_is_known_any_more_says_nothing(limit):
    assert limit([{}, {}, asks(256)]).violation(asks(256)) == 0


def test_one_that_fitted_and_asked_for_no_less_proves_the_contrary(limit):
    known = limit([asks(128), asks(128)], [asks(256)])
    assert known.violation(asks(128)) == 0
    assert known.violation(asks(512)) == 3


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_search_draws_no_more_of_what_ran_out_and_knows_it_when_resumed(make, sampler, caplog):
    search = make(sampler)
    refused, trial = [], 0
    while len(refused) < 2:
        suggestion = search.suggest(f"t{trial}")
        settings = suggestion["trial"]
        if settings["batch_size"] >= 128 and settings["model"]["backbone"] == "test_convnext":
            search.on_trial_complete(f"t{trial}", {"failure": "OutOfMemoryError: CUDA", "epoch": 0})
            search.memory.add(suggestion["number"])
            refused.append(settings["batch_size"])
        else:
            search.on_trial_complete(f"t{trial}", {"val/accuracy": 0.5, "epoch": 2, "finished": True})
        trial += 1
    for searcher in (search, make(sampler)):
        drawn = [searcher.suggest(f"{id(searcher)}{index}")["trial"] for index in range(60)]
        of_vit = [one["batch_size"] for one in drawn if one["model"]["backbone"] == "test_convnext"]
        assert max(of_vit, default=0) < max(refused)
        assert max(one["batch_size"] for one in drawn if one["model"]["backbone"] == "test_resnet") == 256
    assert "samples that ask for no less memory than trials" in caplog.text
    told = [trial for trial in search.study.trials if trial.constraints.get("memory", 0) > 0]
    assert told and {trial.state.name for trial in told} == {"PRUNED"}


def test_a_point_to_start_with_that_there_is_no_memory_for_is_given_up(make, tmp_path):
    search = make()
    for name in ("a", "b"):
        search.study.enqueue_trial({"batch_size": 256, "model.backbone": "test_resnet"})
        number = search.suggest(name)["number"]
        search.on_trial_complete(name, {"failure": "OutOfMemoryError: CUDA", "epoch": 0})
        search.memory.add(number)
    search._sampling.start_with([Start({"batch_size": 256, "model.backbone": "test_resnet"}, "given")])
    drawn = [search.suggest(f"t{index}")["trial"] for index in range(5)]
    assert not any(one["batch_size"] == 256 and one["model"]["backbone"] == "test_resnet" for one in drawn)


@pytest.mark.parametrize(
    "cause",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB.",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you",
        "_ArrayMemoryError: Unable to allocate 3.00 GiB for an array",
        "MemoryError: no message",
    ],
)
def test_who_says_that_there_is_no_memory(cause):
    assert is_out_of_memory(cause)
    assert not is_out_of_memory("TrainingDiverged: the loss of epoch 3 is nan")
