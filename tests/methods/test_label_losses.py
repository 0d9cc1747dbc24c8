"""The choice of losses of the given label, method.loss of cross_entropy."""

import pytest
import torch
from pydantic import ValidationError

from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.losses.long_tail.class_weights import inverse_weights
from platform.losses.long_tail.ldam import ldam
from platform.methods import SECTIONS
from platform.methods._label_losses import LOSSES, BalancedSoftmax, ClassBalanced, CrossEntropy, Focal, Ldam
from platform.methods.cross_entropy import Config, Method
from platform.training.trial.trial_config import TrialConfig
from tests.methods.fixed_networks import step

LOGITS = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.5]]
LABELS = [0, 0, 2]
COUNTS = torch.tensor([20, 0, 1])
EACH = [loss.model_fields["name"].default for loss in LOSSES]
TRIAL = {"model": {"backbone": "test_resnet"}, "method": {"name": "cross_entropy"}}


def learnt(loss, *, epoch=0, **options):
    method = Method(Config(loss=loss, **options), COUNTS, cosine_scale=30.0)
    return step(method, (LOGITS,), LABELS, epoch=epoch)[1].losses[0]


def losses_of(function, *arguments, **options):
    return function(torch.tensor(LOGITS), torch.tensor(LABELS), *arguments, **options)


@pytest.mark.parametrize("name", EACH)
def test_its_name_alone_is_its_section_with_all_defaults(name):
    section = SECTIONS["cross_entropy"]
    short, long = (
        section.model_validate({"name": "cross_entropy", "loss": loss}) for loss in (name, {"name": name})
    )
    assert short == long
    assert short.model_dump()["loss"]["name"] == name
    assert section.model_validate_json(short.model_dump_json()) == short


def test_an_unknown_loss_is_answered_with_the_choices():
    with pytest.raises(ValidationError, match="balanced_softmax"):
        SECTIONS["cross_entropy"].model_validate({"name": "cross_entropy", "loss": "focl"})


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES, ids=EACH)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_it_is_finite_at_5000_classes(dtype, loss, label_smoothing):
    classes = 5000
    logits_BC = (30 * torch.rand(4, classes, generator=torch.Generator().manual_seed(0)) - 15).to(dtype)
    logits_BC[0, 0], logits_BC[1, 0] = -200, 200
    logits_BC.requires_grad_()
    counts_C = (10_000 / torch.arange(1, classes + 1)).long()  # some are 0
    counts_C[-3:] = 0
    options = {"epoch": 0, "label_smoothing": label_smoothing, "cosine_scale": 30.0}
    losses_B = loss().losses(logits_BC, torch.tensor([0, 0, 7, 4999]), counts_C, **options)
    losses_B.mean().backward()
    assert losses_B.dtype == torch.float32
    assert losses_B.isfinite().all()
    assert logits_BC.grad.isfinite().all()


@pytest.mark.parametrize("loss", [each for each in LOSSES if each.takes_soft_labels])
def test_soft_labels_that_are_sure_equal_hard_ones(loss):
    logits_BC = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    labels_B = torch.tensor(LABELS)
    section = loss(weights="inverse")
    found = [
        section.losses(logits_BC, targets, COUNTS, epoch=0, label_smoothing=0.1)
        for targets in (labels_B, torch.nn.functional.one_hot(labels_B, 3).float())
    ]
    torch.testing.assert_close(*found)


def test_balanced_softmax_has_its_tau():
    expected = losses_of(balanced_softmax, COUNTS, tau=0.5, label_smoothing=0.1).mean()
    torch.testing.assert_close(learnt(BalancedSoftmax(tau=0.5), label_smoothing=0.1), expected)


def test_margins_are_scaled_as_the_network_s_cosines():
    expected = losses_of(ldam, COUNTS, max_margin=0.3, scale=30.0).mean()
    torch.testing.assert_close(learnt(Ldam(max_margin=0.3)), expected)


@pytest.mark.parametrize(("mean", "divisor"), [("batch", None), ("classes", 3)])
def test_weights_multiply_the_losses(mean, divisor):
    weights_B = inverse_weights(COUNTS)[LABELS]
    expected = (weights_B * losses_of(cross_entropy)).sum() / (divisor or weights_B.sum())
    torch.testing.assert_close(learnt(ClassBalanced(weights="inverse", weight_mean=mean)), expected)


def test_weights_and_class_counts_may_begin_later():
    plain = losses_of(cross_entropy).mean()
    for loss in (ClassBalanced(deferred_from=3), BalancedSoftmax(deferred_from=3)):
        torch.testing.assert_close(learnt(loss, epoch=2), plain)
        assert not torch.isclose(learnt(loss, epoch=3), plain)


def test_nothing_can_be_deferred_where_nothing_is_weighted():
    with pytest.raises(ValidationError, match="nothing is deferred"):
        Focal(deferred_from=3)
    assert Focal(deferred_from=3, weights="inverse").deferred_from == 3
    assert CrossEntropy().deferred_from == 0


@pytest.mark.parametrize("name", ["ldam", "am_softmax"])
def test_margins_need_a_network_of_cosines(name):
    method = TRIAL["method"] | {"loss": name}
    with pytest.raises(ValidationError, match=r"need model\.cosine_scale"):
        TrialConfig.model_validate(TRIAL | {"method": method})
    model = TRIAL["model"] | {"cosine_scale": 30.0}
    assert TrialConfig.model_validate(TRIAL | {"method": method, "model": model})


def test_margins_cannot_be_learnt_from_mixed_labels():
    settings = {
        "method": TRIAL["method"] | {"loss": "ldam"},
        "model": TRIAL["model"] | {"cosine_scale": 30.0},
        "augment": {"mixing": {"mixup_alpha": 0.8}},
    }
    with pytest.raises(ValidationError, match="cannot learn from mixed labels with this loss"):
        TrialConfig.model_validate(TRIAL | settings)
