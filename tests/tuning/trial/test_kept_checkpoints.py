"""What is kept of a trial's checkpoints: the best and the last."""

import pytest

from platform.storage.folder import Folder
from platform.tuning.trial.kept_checkpoints import Keeping


@pytest.fixture
def trainer(golden_steps):
    from platform.training.loop.trainer import Trainer
    from platform.training.trial.trial_config import TrialConfig

    sections = {"epochs": 9, "image_size": 8, "model": {"backbone": "test_resnet"}}
    config = TrialConfig.model_validate(sections | {"method": {"name": "cross_entropy"}})
    return Trainer(config, golden_steps.few_digits())


def after(trainer, metrics, kept):
    """The trial saves an epoch with each of these values of val/loss, without training."""
    for epoch, value in enumerate(metrics, start=1):
        trainer.epoch = epoch
        trainer.history.append({"val/loss": value})
        kept.save(trainer)


def names(kept):
    return sorted(path.name[-1] for path in kept.folder.local.iterdir())


@pytest.mark.parametrize(
    ("mode", "count", "expected", "best"),
    [("min", 1, "25", "2"), ("max", 1, "35", "3"), ("min", 2, "245", "2"), ("max", 3, "135", "3")],
)
def test_the_best_and_the_last_are_kept(mode, count, expected, best, trainer, tmp_path):
    kept = Keeping(Folder.of(tmp_path), "val/loss", mode, count).of("0007")
    after(trainer, [0.5, 0.1, 0.9, 0.3, 0.4], kept)
    assert names(kept) == list(expected)
    assert (kept.best.name[-1], kept.newest.name[-1]) == (best, "5")
    assert kept.folder.local == tmp_path / "0007"


def test_what_is_not_whole_is_neither_best_nor_newest_and_goes_away(trainer, tmp_path):
    kept = Keeping(Folder.of(tmp_path), "val/loss", "min", 1).of("0000")
    after(trainer, [0.5, 0.1, 0.9], kept)
    (kept.best.local / "network_1.safetensors").unlink()
    (kept.newest.local / "checkpoint.json").unlink()
    assert (kept.best, kept.newest) == (None, None)
    trainer.epoch = 4
    kept.save(trainer)
    assert names(kept) == ["4"]


def test_a_metric_that_is_not_finite_is_never_best(trainer, tmp_path):
    kept = Keeping(Folder.of(tmp_path), "val/loss", "min", 1).of("0000")
    after(trainer, [float("nan"), 0.5, float("nan")], kept)
    assert (kept.best.name[-1], kept.newest.name[-1]) == ("2", "3")
