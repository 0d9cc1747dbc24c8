"""The ledger in a trial: filled at each step, kept in checkpoints, asked whether the trial has collapsed."""

import pandas as pd
import pytest

from platform.training.errors import TrainingCollapsed
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint


def test_a_trial_fills_it_whatever_its_batches_are(make_config, noisy_digits, tmp_path):
    """Batches that are gathered, a smaller last one, a trial that goes on from a checkpoint."""
    config = make_config(grad_accum_steps=2, batch_size=24, method={"name": "peer", "ramp_epochs": 0})
    whole = Trainer(config, noisy_digits)
    first = whole.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", whole)
    resumed = Trainer(config, noisy_digits)
    restore(tmp_path / "checkpoint", resumed)
    metrics = [trainer.train_epoch() for trainer in (whole, resumed)]
    named = [
        {name: value for name, value in each.items() if name.startswith(("train/", "noise/"))}
        for each in metrics
    ]
    assert named[0] == named[1]
    pd.testing.assert_frame_equal(whole.ledger.table(), resumed.ledger.table(), check_exact=True)
    table = whole.ledger.table()
    assert len(table) == len(noisy_digits.rows("train"))
    assert (table["seen"] == 2).all()
    shares = [each["train/dropped"] for each in (first, metrics[0])]
    assert table["dropped"].mean() == pytest.approx(sum(shares) / 2)
    assert {"train/memorisation", "train/drop_overlap", "noise/selection_precision"} <= set(named[0])
    assert named[0].keys() >= {"noise/selection_recall", "noise/memorisation", "noise/corrected"}


def test_a_collapsed_trial_is_given_up_where_one_asked_for_it(make_config, noisy_digits):
    """At this rate the biases alone decide: one class for all."""
    collapsing = {"optim": {"lr": 3.0}, "schedule": {"name": "constant", "warmup_epochs": 0}, "epochs": 4}
    trainer = Trainer(make_config(**collapsing), noisy_digits)
    entropies = [trainer.train_epoch()["train/prediction_entropy"] for _ in range(4)]
    least = max(entropies[1:3]) + 0.01
    trainer = Trainer(make_config(**collapsing, min_prediction_entropy=least), noisy_digits)
    is_low = [entropy < least for entropy in entropies]
    for _ in range(is_low.index(True) + 1):  # one epoch below is not yet a collapse
        trainer.train_epoch()
    with pytest.raises(TrainingCollapsed, match=r"below min_prediction_entropy .*one class for all"):
        trainer.train_epoch()
