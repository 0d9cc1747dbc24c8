"""Stages of a trial: what they inherit, what they change, and that a trial can stop in any of them."""

from copy import deepcopy

import pytest
import torch
from pydantic import ValidationError

from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.stages import StagePlan
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.trial.trial_config import TrialConfig

SMALL_THEN_LARGE = [{"name": "small", "epochs": 1, "image_size": 16}, {"image_size": 32, "epochs": 2}]


def rates(trainer):
    return [group["lr"] for group in trainer.stage.optimisers[0].param_groups]


def test_a_stage_inherits_what_it_does_not_say(make_config):
    config = make_config(
        stages=[
            {"method": {"drop_rate": 0.5}},
            {"schedule": {"name": "constant"}, "optim": {"lr": 0.001}},
        ],
        schedule={"name": "step", "step_epochs": 2.0, "warmup_epochs": 0},
        optim={"lr": 0.02, "momentum": 0.8},
        peer_optim={"lr": 0.3},
    )
    first, second = config.phases
    assert (first.method.drop_rate, first.method.ramp_epochs) == (0.5, 2)
    assert first.schedule.step_epochs == 2
    assert (second.optim.lr, second.optim.momentum) == (0.001, 0.8)
    assert (second.peer_optim.lr, second.peer_optim.momentum) == (0.3, 0.8)
    assert second.schedule.name == "constant", "another kind of section replaces the old one"
    assert config.total_epochs == 6


def test_a_trial_without_stages_is_one(make_config):
    config = make_config()
    (only,) = config.phases
    assert only.epochs == config.total_epochs == 3
    assert only.method == config.method


def test_stages_survive_dumping_as_what_they_change(make_config):
    config = make_config(
        stages=[
            {"name": "head", "trainable": "head"},
            {"augment": {"cutout": {"size": 4}}, "image_size": 32},
        ],
        peer_optim={"lr": 0.3},
    )
    dumped = config.model_dump(mode="json")
    assert dumped["stages"][0] == {"name": "head", "trainable": "head"}
    assert set(dumped["stages"][1]) == {"augment", "image_size"}
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("sections", "path", "message"),
    [
        ({"stages": [{"image_size": 24}, {"image_size": 40}]}, "stages.0.image_size", "multiple of 16"),
        ({"stages": [{}, {"augment": {"padding": 16}}]}, "stages.1.augment.padding", "must be < image_size"),
        ({"stages": [{"restart": False}]}, "stages.0.restart", "none before it"),
        ({"stages": [{}, {"restart": False, "trainable": "head"}]}, "stages.1.restart", "changes trainable"),
        (
            {"stages": [{}, {"method": {"name": "cross_entropy"}}]},
            "stages.1.method.name",
            "must train 2 networks",
        ),
        ({"augment": {"mixing": {"mixup_alpha": 0.2}}}, "augment.mixing", "peer cannot learn from mixed"),
        (
            {"method": {"name": "cross_entropy"}, "peer_optim": {"lr": 0.1}},
            "peer_optim",
            "trains one network",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(sections, path, message, make_config):
    models = {"model": {"backbone": "vit_tiny_patch16_224"}} if "image_size" in path else {}
    with pytest.raises(ValidationError) as raised:
        make_config(**models, **sections)
    (error,) = raised.value.errors()
    assert error["ctx"]["problems"][0].path == path
    assert message in error["ctx"]["problems"][0].message


def test_each_stage_has_its_image_size_and_its_networks_keep_their_weights(make_config, noisy_digits):
    config = make_config(
        model={"backbone": "test_vit"},
        peer_model={"backbone": "test_resnet"},
        stages=SMALL_THEN_LARGE,
        ema={"decay": 0.9},
    )
    trainer = Trainer(config, noisy_digits)
    assert next(trainer.train_loader.epoch(0)).images.shape[2:] == (16, 16)
    trainer.train_epoch()
    before = {name: value.clone() for name, value in trainer.networks[0].state_dict().items()}
    trainer.enter_stage(1)
    assert next(trainer.train_loader.epoch(1)).images.shape[2:] == (32, 32)
    after = trainer.networks[0].state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before.get(name, value))}
    assert {name for name in before if before[name].shape != after[name].shape} == {"pos_embed"}
    assert changed <= {"pos_embed"}
    metrics = trainer.train_epoch()
    assert metrics["train/stage"] == 2


def test_a_trial_that_was_stopped_in_any_stage_ends_as_one_that_was_not(
    make_config, noisy_digits, tmp_path, differences
):
    config = make_config(
        model={"backbone": "test_vit"},
        peer_model={"backbone": "test_resnet"},
        ema={"decay": 0.9},
        optim={"name": "adamw", "lr": 0.001},
        stages=[
            {"epochs": 1, "trainable": "head"},
            {"epochs": 2, "image_size": 32, "optim": {"lr": 0.002}},
            {"epochs": 2, "image_size": 16, "restart": False, "optim": {"lr": 0.002}},
        ],
    )
    whole = Trainer(config, noisy_digits)
    states = []
    while not whole.is_over:
        whole.train_epoch()
        save_checkpoint(tmp_path / f"checkpoint_{whole.epoch}", whole)
        states.append(deepcopy(whole.state_dict()))
    for stopped_after in (1, 2, 3, 4):
        torch.manual_seed(99)
        second = Trainer(config, noisy_digits)
        restore(tmp_path / f"checkpoint_{stopped_after}", second)
        assert differences(states[stopped_after - 1], second.state_dict()) == []
        while not second.is_over:
            second.train_epoch()
        assert differences(states[-1], second.state_dict()) == [], f"stopped after epoch {stopped_after}"

    save_checkpoint(tmp_path / "last", second)
    predictor = load_predictor(tmp_path / "last")
    assert predictor.image_size == (16, 16)
    right = predictor.probabilities(predictor.loader(noisy_digits, "val")).argmax(1) == noisy_digits.given(
        "val"
    )
    assert right.mean() == second.metrics["val/accuracy"]


def test_only_what_is_trainable_learns(make_config, noisy_digits):
    config = make_config(
        method={"name": "cross_entropy"},
        stages=[{"epochs": 1, "trainable": "head"}, {"epochs": 1, "trainable": "last_stage"}, {"epochs": 1}],
    )
    trainer = Trainer(config, noisy_digits)
    changed = []
    for _ in range(3):
        before = {name: value.clone() for name, value in trainer.networks[0].state_dict().items()}
        trainer.train_epoch()
        after = trainer.networks[0].state_dict()
        changed.append({name.split(".")[0] for name in after if not torch.equal(after[name], before[name])})
    assert changed[0] == {"fc"}, "the statistics of frozen norms stay as well"
    assert changed[1] == {"fc", "layer4"}
    assert {"conv1", "layer1", "layer4", "fc"} <= changed[2]


def test_a_stage_that_goes_on_shares_one_schedule_and_the_momenta(make_config, noisy_digits):
    stages = [{"epochs": 2}, {"epochs": 2, "image_size": 32, "restart": False}]
    schedule = {"name": "cosine", "warmup_epochs": 0}
    joined = Trainer(make_config(stages=stages, schedule=schedule), noisy_digits)
    whole = Trainer(make_config(epochs=4, schedule=schedule), noisy_digits)
    for _ in range(2):
        joined.train_epoch()
        whole.train_epoch()
    momenta = [state["momentum_buffer"].clone() for state in joined.stage.optimisers[0].state.values()]
    joined.enter_stage(1)
    carried = [state["momentum_buffer"] for state in joined.stage.optimisers[0].state.values()]
    assert all(torch.equal(one, other) for one, other in zip(momenta, carried, strict=True))
    for _ in range(2):
        joined.train_epoch()
        whole.train_epoch()
        assert rates(joined) == rates(whole)


def test_a_stage_that_restarts_has_a_schedule_of_its_own(make_config, noisy_digits):
    stages = [{"epochs": 1, "optim": {"lr": 0.1}}, {"epochs": 2, "optim": {"lr": 0.01}}]
    trainer = Trainer(
        make_config(stages=stages, schedule={"name": "constant", "warmup_epochs": 0}), noisy_digits
    )
    seen = []
    while not trainer.is_over:
        seen.append(trainer.train_epoch()["train/lr"])
    assert seen == pytest.approx([0.1, 0.01, 0.01])


def test_the_average_warms_up_again_where_the_image_size_changes(make_config):
    sizes = [16, 16, 32, 32]
    plan = StagePlan(make_config(stages=[{"epochs": 2, "image_size": size} for size in sizes]), images=100)
    before_larger = 4 * plan.steps_an_epoch(plan.config.phases[0])
    assert [plan.averaged_from(place) for place in range(4)] == [0, 0, before_larger, before_larger]
