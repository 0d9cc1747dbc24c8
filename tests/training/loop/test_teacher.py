"""The setting teacher: what a checkpoint's networks say of the student's pictures, and who learns from it."""

import pytest
import torch
from pydantic import ValidationError

from platform.config.errors import UserError
from platform.losses.distillation import feature_distance, soft_cross_entropy
from platform.models.errors import ModelError
from platform.models.normalisation import Normalisation
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.teacher import load_teacher
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint

CPU = torch.device("cpu")
SUPCON = {"name": "supcon", "stages": [-2, -1], "dim": 16}


@pytest.fixture(scope="module")
def checkpoints(noisy_digits, tmp_path_factory):
    """A checkpoint's folder from a trial's sections."""
    known = {}

    def make(config):
        key = config.model_dump_json()
        if key not in known:
            trainer = Trainer(config, noisy_digits)
            while not trainer.is_over:
                trainer.train_epoch()
            known[key] = tmp_path_factory.mktemp("teacher") / "checkpoint"
            save_checkpoint(known[key], trainer)
        return str(known[key])

    return make


@pytest.fixture
def teacher(make_config, checkpoints):
    """A checkpoint of SupCon with two heads of 16 dimensions."""
    return checkpoints(make_config(epochs=1, method=SUPCON))


def loaded(folder, data, given=None):
    own = load_predictor(folder).normalisation
    return load_teacher(folder, data.classes, given or own, CPU)


def some_images(size=16):
    return torch.randn(5, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_it_says_what_its_checkpoint_predicts(teacher, noisy_digits):
    found = loaded(teacher, noisy_digits).train()
    assert not found.training
    assert not any(module.training for module in found.modules())
    logits, *projections = found(some_images())
    torch.testing.assert_close(logits, load_predictor(teacher).networks[0].eval()(some_images()))
    assert (
        [tuple(each.shape) for each in projections] == [(5, 16), (5, 16)] == [(5, dim) for dim in found.dims]
    )
    torch.testing.assert_close(torch.stack(projections).norm(dim=2), torch.ones(2, 5))
    assert not any(each.requires_grad for each in (logits, *projections))


def test_pictures_come_normalised_and_sized_as_the_students(teacher, noisy_digits):
    own = load_predictor(teacher).normalisation
    given = Normalisation((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    there, here = (torch.tensor([each.mean, each.std])[:, :, None, None] for each in (own, given))
    pictures = some_images() * there[1] + there[0]
    logits, *_ = loaded(teacher, noisy_digits, given)((pictures - here[0]) / here[1])
    torch.testing.assert_close(logits, loaded(teacher, noisy_digits)(some_images())[0], rtol=1e-4, atol=1e-5)
    larger = torch.nn.functional.interpolate(some_images(), (24, 40), mode="nearest")
    assert loaded(teacher, noisy_digits)(larger)[0].shape == (5, 10)


def test_two_networks_teach_their_mean_probability(make_config, checkpoints, noisy_digits):
    folder = checkpoints(make_config(epochs=1, method={"name": "peer", "ramp_epochs": 0}))
    found = loaded(folder, noisy_digits)
    assert found.dims == ()
    (logits,) = found(some_images())
    with torch.no_grad():
        each = [network.eval()(some_images()).softmax(1) for network in load_predictor(folder).networks]
    torch.testing.assert_close(logits.softmax(1), (each[0] + each[1]) / 2)


@pytest.mark.parametrize("dim", [16, 8])
def test_the_student_pays_for_what_it_says_otherwise(dim, teacher, make_config, noisy_digits):
    method = SUPCON | {"dim": dim, "feature_weight": 3.0, "distillation_weight": 0.5}
    trainer = Trainer(make_config(teacher=teacher, method=method), noisy_digits)
    batches = next(trainer.stage.updates(0))
    metrics = trainer.train_step(batches)[0].metrics
    parts = ("loss_labels", "loss_distillation", "loss_features")
    expected = sum(metrics[name] for name in parts) + 0.2 * metrics["loss_contrast"]
    torch.testing.assert_close(metrics["loss"], expected)

    trainer = Trainer(
        make_config(teacher=teacher, method=method, model={"backbone": "test_resnet"}), noisy_digits
    )
    batch = next(trainer.stage.updates(0))[0]
    with torch.no_grad():
        logits, *others = loaded(teacher, noisy_digits, trainer.normalisation)(batch.images)
        own, _, *adapted = trainer.stage.companions[0](
            trainer.networks[0].train(), batch.images, batch.second
        )
    found = trainer.train_step([batch])[0].metrics
    soft = soft_cross_entropy(own, logits, temperature=4.0).mean()
    torch.testing.assert_close(found["loss_distillation"], 0.5 * soft)
    distance = sum(feature_distance(*pair).mean() for pair in zip(adapted, others, strict=True))
    torch.testing.assert_close(found["loss_features"], 3.0 * distance)


def test_the_teacher_is_neither_trained_nor_kept(teacher, make_config, noisy_digits, tmp_path, differences):
    config = make_config(teacher=teacher, method=SUPCON | {"dim": 8, "feature_weight": 1.0})
    whole, cut = Trainer(config, noisy_digits), Trainer(config, noisy_digits)
    before = [weight.clone() for weight in whole.teacher.state_dict().values()]
    whole.train_epoch()
    cut.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", cut)
    resumed = Trainer(config, noisy_digits)
    restore(tmp_path / "checkpoint", resumed)
    whole.train_epoch()
    resumed.train_epoch()
    assert differences(whole.state_dict(), resumed.state_dict()) == []
    after = whole.teacher.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert not any("teacher" in name for name in whole.stage.companions[0].state_dict())


def test_who_was_taught_may_teach(teacher, make_config, checkpoints, noisy_digits):
    """The adapter to its own teacher's projections is not passed on."""
    config = make_config(epochs=1, teacher=teacher, method=SUPCON | {"dim": 8, "feature_weight": 1.0})
    assert loaded(checkpoints(config), noisy_digits).dims == (8, 8)


def test_it_teaches_in_the_stages_that_learn_from_it(teacher, make_config, noisy_digits):
    stages = [{"epochs": 1}, {"epochs": 1, "trainable": "head", "method": {"name": "cross_entropy"}}]
    config = make_config(teacher=teacher, method=SUPCON, stages=stages)
    trainer = Trainer(config, noisy_digits)
    first, second = trainer.train_epoch(), trainer.train_epoch()
    assert "train/loss_distillation" in first
    assert "train/loss_distillation" not in second


def test_what_does_not_fit_is_refused_in_a_line(teacher, make_config, checkpoints, noisy_digits, tmp_path):
    with pytest.raises(UserError, match="^teacher: .*no checkpoint here"):
        Trainer(make_config(teacher=str(tmp_path), method=SUPCON), noisy_digits)
    with pytest.raises(
        UserError, match=r"^teacher: the checkpoint knows 10 classes .* the data have 2 \(a, b\)"
    ):
        load_teacher(teacher, ("a", "b"), Normalisation((0, 0, 0), (1, 1, 1)), CPU)
    features = SUPCON | {"feature_weight": 1.0}
    with pytest.raises(ModelError, match="1 heads cannot imitate the teacher's 2"):
        Trainer(make_config(teacher=teacher, method=features | {"stages": [-1]}), noisy_digits)
    headless = checkpoints(make_config(epochs=1, method={"name": "cross_entropy"}))
    with pytest.raises(ModelError, match=r"feature_weight: must be 0, because the teacher has no projection"):
        Trainer(make_config(teacher=headless, method=features), noisy_digits)
    with pytest.raises(ValidationError, match="cross_entropy learns from none, so it must be null"):
        make_config(teacher=teacher, method={"name": "cross_entropy"})


def test_a_student_of_the_teacher_alone_comes_to_its_answers(make_config, checkpoints, noisy_digits):
    folder = checkpoints(make_config(epochs=8, method=SUPCON, optim={"lr": 0.1}))
    alone = {"cross_entropy_weight": 0.0, "contrast_weight": 0.01, "distillation_temperature": 1.0}
    trainer = Trainer(
        make_config(teacher=folder, method=SUPCON | alone, epochs=12, optim={"lr": 0.1}), noisy_digits
    )
    batch = next(iter(trainer.stage.val_loader))
    with torch.no_grad():
        own = trainer.teacher(batch.images)[0].log_softmax(1)

    def divergence():
        with torch.no_grad():
            there = trainer.networks[0].eval()(batch.images).log_softmax(1)
        return torch.nn.functional.kl_div(there, own, reduction="batchmean", log_target=True).item()

    before = divergence()
    while not trainer.is_over:
        trainer.train_epoch()
    assert divergence() < before / 3
