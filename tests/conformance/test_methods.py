"""What every file of platform/methods/ must do; a new one is tested without another line here."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from platform.datasets.data_config import DataConfig
from platform.datasets.batches.loader import Batch
from platform.datasets.preparation.prepare import prepare
from platform.methods import SECTIONS, method_names
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.errors import TrialError
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig

METHODS = method_names()
BACKBONES = ("test_resnet", "test_vit", "test_convnext")


@pytest.fixture(scope="module")
def zeros_and_ones():
    """Handwritten digits of two classes with right labels: anything that learns can tell them apart."""
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


@pytest.fixture
def make_trainer(zeros_and_ones):
    def make(method, *, backbone="test_resnet", data=zeros_and_ones, **sections):
        values = {
            "epochs": 6,
            "batch_size": 32,
            "image_size": 16,
            "augment": {"horizontal_flip": 0.0},
            "model": {"backbone": backbone},
            "method": {"name": method},
            "optim": {"name": "adamw", "lr": 0.002},
        }
        return Trainer(TrialConfig.model_validate(values | sections), data)

    return make


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_it_learns_to_predict(method, backbone, make_trainer):
    trainer = make_trainer(method, backbone=backbone)
    history = [trainer.train_epoch() for _ in range(trainer.config.epochs)]
    assert history[-1]["val/accuracy"] > 0.9


@pytest.mark.parametrize("epoch", [0, 5])
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_a_step_lowers_the_loss_of_its_batch(method, backbone, epoch, make_trainer):
    still = {"schedule": {"name": "constant", "warmup_epochs": 0}, "optim": {"name": "adamw", "lr": 5e-5}}
    trainer = make_trainer(method, backbone=backbone, **still)
    trainer.epoch = epoch
    batch = next(trainer.stage.updates(0))
    before, after = (sum(loss.item() for loss in trainer.train_step(batch)[0].losses) for _ in range(2))
    assert after < before


@pytest.mark.parametrize("method", METHODS)
def test_it_trains_as_many_networks_as_it_says(method, make_trainer):
    trainer = make_trainer(method)
    output = trainer.train_step(next(trainer.stage.updates(0)))[0]
    assert len(output.losses) == len(trainer.networks) == trainer.config.method.networks
    assert all(loss.shape == () for loss in output.losses)
    assert "loss" in output.metrics
    samples, shape = output.samples, (len(trainer.networks), 32)
    for values, dtype in (
        (samples.losses_MB, torch.float32),
        (samples.predictions_MB, torch.int64),
        (samples.selected_MB, torch.bool),
    ):
        assert (values.shape, values.dtype, values.requires_grad) == (shape, dtype, False)
    assert all(value.shape == () and not value.requires_grad for value in output.metrics.values())
    assert not any(name.startswith("train/") for name in output.metrics)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("epoch", [0, 5])
@pytest.mark.parametrize("labels", [[0] * 8, [1] * 8, [0], [1, 0]], ids=["class 0", "class 1", "one", "two"])
@pytest.mark.parametrize("method", METHODS)
def test_small_and_one_sided_batches_are_finite(method, labels, epoch, precision, make_trainer):
    trainer = make_trainer(method, precision=precision)
    trainer.epoch = epoch
    images = torch.randn(len(labels), 3, 16, 16, generator=torch.Generator().manual_seed(0))
    rows = torch.from_numpy(trainer.data.rows("train")[: len(labels)])
    second = images.flip(3) if trainer.config.method.views == 2 else None
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
def test_its_checkpoint_predicts_probabilities(method, make_trainer, zeros_and_ones, tmp_path):
    trainer = make_trainer(method)
    trainer.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", trainer)
    predictor = load_predictor(tmp_path / "checkpoint")
    probabilities_NC = predictor.probabilities(predictor.loader(zeros_and_ones, "val"))
    assert probabilities_NC.dtype == np.float32
    assert probabilities_NC.shape == (len(zeros_and_ones.rows("val")), 2)
    assert probabilities_NC.sum(1) == pytest.approx(1, abs=1e-5)
    right = probabilities_NC.argmax(1) == zeros_and_ones.given("val")
    assert right.mean() == trainer.metrics["val/accuracy"]


@pytest.mark.parametrize("method", METHODS)
def test_it_does_not_see_clean_labels(method, zeros_and_ones, make_trainer):
    """A batch has no place for them, and other ones change no weight and no metric of training."""
    known = {"images", "labels", "rows", "second", "targets", "taught"}
    assert {field.name for field in fields(Batch)} == known
    manifest = zeros_and_ones.manifest
    other = replace(zeros_and_ones, manifest=manifest.assign(clean=1 - manifest["clean"]))
    metrics = [make_trainer(method, data=data).train_epoch() for data in (zeros_and_ones, other)]
    seen = [
        {k: v for k, v in each.items() if not k.startswith(("time/", "val/clean", "noise/"))}
        for each in metrics
    ]
    assert seen[0] == seen[1]
