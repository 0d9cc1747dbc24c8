"""Requirements on every file of platform/methods/; new files are tested without changes here."""

from copy import deepcopy
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from platform.datasets.batches.loader import Batch
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.methods import SECTIONS, method_names, metrics_in_words
from platform.reference.metrics import undescribed
from platform.training.checkpoints.loading import load_predictor
from platform.training.errors import TrialError
from platform.training.loop.learner import learners
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.loop.workers import ALONE
from platform.training.trial.trial_config import TrialConfig

pytestmark = pytest.mark.sweep

METHODS = method_names()
BACKBONES = ("test_resnet", "test_vit", "test_convnext")
EPOCHS, BATCH = 6, 32
LATE_STEP = 16  # of 18, three an epoch: the learning rate is about a thirtieth of the largest


@pytest.fixture(scope="module")
def zeros_and_ones():
    """Handwritten digits of two classes with correct labels: easy for any method."""
    data = prepare(DataConfig(), 8)
    label = data.manifest["label"]
    rows = [np.flatnonzero((label < 2) & (data.manifest["split"] == split)) for split in ("train", "val")]
    few = np.sort(np.concatenate([rows[0][:96], rows[1]]))
    return replace(
        data,
        manifest=data.manifest.iloc[few].reset_index(drop=True),
        images=data.images.take(few),
        classes=data.classes[:2],
    )


@pytest.fixture(scope="module")
def make_trainer(zeros_and_ones):
    def make(method, *, backbone="test_resnet", data=zeros_and_ones, **sections):
        values = {
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "image_size": 16,
            "augment": {"horizontal_flip": 0.0},
            "model": {"backbone": backbone},
            "method": {"name": method},
            "optim": {"name": "adamw", "lr": 0.002},
        }
        return Trainer(TrialConfig.model_validate(values | sections), data)

    return make


class Trial:
    """A trainer and its states before and after all epochs, which tests may set it to again and again."""

    def __init__(self, trainer):
        self.trainer = trainer
        self.start = deepcopy(trainer.state_dict())
        self.outputs = recorded_outputs(trainer)
        self.history = [trainer.train_epoch() for _ in range(EPOCHS)]
        self.end = deepcopy(trainer.state_dict())

    def at_start(self, *, epoch=0, step=0, precision=None):
        """The trainer as it was built, but at this epoch and step."""
        self._set(self.start)
        self.trainer.epoch, self.trainer.step = epoch, step
        if precision is not None:
            self.trainer.use_precision(precision)
        for network in self.trainer.networks:
            network.train()
        return self.trainer

    def at_end(self):
        self._set(self.end)
        return self.trainer

    def _set(self, state):
        self.trainer.load_state_dict(deepcopy(state))


def recorded_outputs(trainer):
    """What every training step returns, in a list that grows."""
    outputs, step = [], trainer.train_step

    def recorded(batches, *, first=0):
        done = step(batches, first=first)
        outputs.extend(done)
        return done

    trainer.train_step = recorded
    return outputs


@pytest.fixture(scope="module")
def trial(make_trainer):
    """``trial(method, backbone)``: trained once for all tests of this file."""
    trained = cache(lambda method, backbone: Trial(make_trainer(method, backbone=backbone)))
    return lambda method, backbone="test_resnet": trained(method, backbone)


@pytest.mark.parametrize("method", METHODS)
def test_each_metric_of_its_epochs_is_described(method, trial):
    """A method describes those of its steps in ``Method.metrics``, and no other."""
    history = trial(method).history
    assert undescribed({name: None for epoch in history for name in epoch}) == []
    reported = {name for output in trial(method).outputs for name in output.metrics}
    described = {name for name, by_method in metrics_in_words().items() if method in by_method}
    of_teacher = {"loss_distillation", "loss_features"} if SECTIONS[method].takes_teacher else set()
    assert described - of_teacher == reported


@pytest.mark.parametrize(
    ("method", "backbone"),
    [*((method, BACKBONES[0]) for method in METHODS), *(("peer", other) for other in BACKBONES[1:])],
)
def test_it_learns_to_predict(method, backbone, trial):
    """Training reaches 90 %, and a step lowers the loss of its batch in the first and last phase."""
    trained = trial(method, backbone)
    assert trained.history[-1]["val/accuracy"] > 0.9
    for epoch in (0, EPOCHS - 1):
        trainer = trained.at_start(epoch=epoch, step=LATE_STEP)
        batch = next(trainer.stage.updates(0))
        before, after = (sum(loss.item() for loss in trainer.train_step(batch)[0].losses) for _ in range(2))
        assert 0 < trainer.learning_rate < 2e-4, "so small that the step follows the gradient"
        assert after < before or before == 0, f"epoch {epoch}: 0 where a method has nothing left to learn"


@pytest.mark.parametrize("method", METHODS)
def test_it_trains_as_many_networks_as_it_says(method, trial):
    trained = trial(method)
    trainer, output = trained.trainer, trained.outputs[0]
    assert len(output.losses) == len(trainer.networks) == trainer.config.method.networks
    assert all(loss.shape == () for loss in output.losses)
    assert "loss" in output.metrics
    samples, shape = output.samples, (len(trainer.networks), BATCH)
    for values, dtype in (
        (samples.losses_MB, torch.float32),
        (samples.predictions_MB, torch.int64),
        (samples.selected_MB, torch.bool),
    ):
        assert (values.shape, values.dtype, values.requires_grad) == (shape, dtype, False)
    assert all(value.shape == () and not value.requires_grad for value in output.metrics.values())
    assert not any(name.startswith("train/") for name in output.metrics)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("epoch", [0, EPOCHS - 1])
@pytest.mark.parametrize("labels", [[0] * 8, [1] * 8, [0], [1, 0]], ids=["class 0", "class 1", "one", "two"])
@pytest.mark.parametrize("method", METHODS)
def test_small_and_one_sided_batches_are_finite(method, labels, epoch, precision, trial):
    trainer = trial(method).at_start(epoch=epoch, precision=precision)
    images = torch.randn(len(labels), 3, 16, 16, generator=torch.Generator().manual_seed(0))
    rows = torch.from_numpy(trainer.data.rows("train")[: len(labels)])
    second = images.flip(3) if trainer.config.method.augmentations == 2 else None
    output = trainer.train_step([Batch(images, torch.tensor(labels), rows, second=second)])[0]
    assert all(value.isfinite() for value in (*output.losses, *output.metrics.values()))
    for network in trainer.networks:
        assert all(weight.isfinite().all() for weight in network.parameters())
        assert all(weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_mixed_labels_or_says_that_it_cannot(method, make_trainer):
    augment = {"horizontal_flip": 0.0, "mixing": {"mixup_alpha": 0.8}}
    if SECTIONS[method].takes_soft_labels:
        assert np.isfinite(make_trainer(method, augment=augment).train_epoch()["train/loss"])
    else:
        with pytest.raises(ValidationError, match="mixed labels"):
            make_trainer(method, augment=augment)


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_from_unlabelled_images_or_says_that_it_cannot(method, zeros_and_ones, make_trainer):
    manifest = zeros_and_ones.manifest
    is_gone = (manifest["split"] == "train") & (np.arange(len(manifest)) % 8 > 0)
    data = replace(zeros_and_ones, manifest=manifest.assign(label=manifest["label"].mask(is_gone, -1)))
    if not SECTIONS[method].takes_unlabelled:
        with pytest.raises(TrialError, match=r"method.name: .* cannot learn from the"):
            make_trainer(method, data=data)
        return
    trainer = make_trainer(method, data=data, batch_size=4)  # of some batches no image has a label
    metrics = trainer.train_epoch()
    assert all(np.isfinite(value) for value in metrics.values())
    for network in trainer.networks:
        assert all(weight.isfinite().all() for weight in network.parameters())
    assert trainer.ledger.table()["mean_loss"].notna().sum() == (data.given("train") >= 0).sum()


@pytest.mark.parametrize("epoch", [0, EPOCHS - 1])
@pytest.mark.parametrize("method", METHODS)
def test_weights_multiply_each_samples_loss(method, epoch, trial):
    """Losses are linear in the weights; all 1 changes no bit, and 0 takes a sample's loss out of the sum."""
    batch = next(trial(method).at_start(epoch=epoch).stage.updates(epoch))[0]
    samples = len(batch)

    def losses(weights):
        trainer, own = trial(method).at_start(epoch=epoch), replace(batch, weights=weights)
        by = learners(trainer.networks, trainer.stage.companions, ALONE, samples, "fp32")
        return torch.stack(trainer.stage.method.step(by, own, trainer.progress).losses).detach()

    plain, some = losses(None), (torch.arange(samples) % 3 > 0).float()
    assert torch.equal(losses(torch.ones(samples)), plain)
    torch.testing.assert_close(losses(torch.full((samples,), 2.0)), 2 * plain)
    assert not torch.allclose(losses(some), plain) or not plain.any()
    torch.testing.assert_close(losses(some) + losses(1 - some), plain)
    assert not losses(torch.zeros(samples)).any()


@pytest.mark.parametrize("method", METHODS)
def test_a_class_without_training_images_is_no_trouble(method, zeros_and_ones, make_trainer):
    data = replace(zeros_and_ones, classes=("0", "1", "never seen"))
    metrics = make_trainer(method, data=data).train_epoch()
    assert all(np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("method", METHODS)
def test_it_is_deterministic_and_resumes_exactly(method, make_trainer, tmp_path):
    whole = make_trainer(method, model={"backbone": "test_resnet", "dropout": 0.2})
    stopped = make_trainer(method, model={"backbone": "test_resnet", "dropout": 0.2})
    whole.train_epoch()
    stopped.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", stopped)
    resumed = make_trainer(method, model={"backbone": "test_resnet", "dropout": 0.2})
    restore(tmp_path / "checkpoint", resumed)
    metrics = [trainer.train_epoch() for trainer in (whole, resumed)]
    for one, other in zip(whole.networks, resumed.networks, strict=True):
        for (name, value), again in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(value, again), name
    timeless = [{k: v for k, v in each.items() if not k.startswith("time/")} for each in metrics]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("method", METHODS)
def test_its_checkpoint_predicts_probabilities(method, trial, zeros_and_ones, tmp_path):
    trainer = trial(method).at_end()
    save_checkpoint(tmp_path / "checkpoint", trainer)
    predictor = load_predictor(tmp_path / "checkpoint")
    probabilities_NC = predictor.probabilities(predictor.loader(zeros_and_ones, "val"))
    assert probabilities_NC.dtype == np.float32
    assert probabilities_NC.shape == (len(zeros_and_ones.rows("val")), 2)
    assert probabilities_NC.sum(1) == pytest.approx(1, abs=1e-5)
    right = probabilities_NC.argmax(1) == zeros_and_ones.given("val")
    assert right.mean() == trainer.metrics["val/accuracy"]


@pytest.mark.parametrize("method", METHODS)
def test_it_does_not_see_clean_labels(method, zeros_and_ones, make_trainer, trial):
    """A batch has no field for them, and changing them changes no metric of training."""
    known = {"images", "labels", "rows", "second", "targets", "taught", "weights"}
    assert {field.name for field in fields(Batch)} == known
    manifest = zeros_and_ones.manifest
    other = replace(zeros_and_ones, manifest=manifest.assign(clean=1 - manifest["clean"]))
    metrics = trial(method).history[0], make_trainer(method, data=other).train_epoch()
    seen = [
        {k: v for k, v in each.items() if not k.startswith(("time/", "val/clean", "noise/"))}
        for each in metrics
    ]
    assert seen[0] == seen[1]
