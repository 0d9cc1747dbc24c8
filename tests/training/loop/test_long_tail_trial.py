"""Trials with a sampler, and with each loss of the given label."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from platform.methods._label_losses import LOSSES
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint

NAMES = [loss.model_fields["name"].default for loss in LOSSES]


@pytest.mark.parametrize("name", NAMES)
def test_each_loss_trains_weighted_from_its_second_epoch_on(name, make_config, noisy_digits):
    loss = {"name": name, "weights": "inverse", "deferred_from": 1}
    config = make_config(
        epochs=2,
        method={"name": "cross_entropy", "loss": loss, "label_smoothing": 0.1},
        model={"backbone": "test_resnet", "cosine_scale": 16.0},
    )
    trainer = Trainer(config, noisy_digits)
    assert all(np.isfinite(trainer.train_epoch()["train/loss"]) for _ in range(2))
    assert config == type(config).model_validate_json(config.model_dump_json())


def test_decoupled_training_moves_the_classifier_alone_and_resumes_exactly(
    make_config, noisy_digits, tmp_path, differences
):
    """cRT: the classifier, on images sampled evenly by class; the backbone's batch norm stays as well."""
    stages = [
        {"epochs": 1, "sampler": "progressive"},
        {"epochs": 2, "trainable": "head", "sampler": "class_balanced"},
    ]
    config = make_config(method={"name": "cross_entropy"}, stages=stages)
    whole = Trainer(config, noisy_digits)
    whole.train_epoch()
    before = deepcopy(whole.networks[0].state_dict())
    seen_before = whole.ledger.times_N.clone()
    whole.train_epoch()
    after = whole.networks[0].state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"fc"}
    times = (whole.ledger.times_N - seen_before).numpy()
    given = noisy_digits.given("train")
    by_class = np.bincount(given, weights=times)[np.unique(given)]
    assert by_class.max() - by_class.min() <= 1
    assert by_class.sum() == len(given)

    save_checkpoint(tmp_path / "checkpoint", whole)
    resumed = Trainer(config, noisy_digits)
    restore(tmp_path / "checkpoint", resumed)
    whole.train_epoch()
    resumed.train_epoch()
    assert differences(whole.state_dict(), resumed.state_dict()) == []
