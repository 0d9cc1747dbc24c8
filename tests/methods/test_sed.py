import pytest
import torch
from torch import nn

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.negative_entropy import negative_entropy
from platform.methods import Progress, sed
from platform.methods._teacher import MeanTeacher
from tests.methods.fixed_networks import tables_of

WEAK = torch.tensor([[3.0, 0, 0], [0, 3.0, 0], [0, 3.0, 0]])
STRONG = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
TAUGHT = torch.tensor([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 1.0]])
COUNTS = torch.tensor([10, 1, 1])


def batch_of(labels, rows=(0, 1, 2)):
    images = torch.zeros(len(labels), 3, 8, 8)
    return Batch(images, torch.tensor(labels), torch.tensor(rows), second=images)


def stepped(method, tables, labels, epoch):
    weak_BC, strong_BC = WEAK.clone().requires_grad_(), STRONG.clone().requires_grad_()
    output = method.step(
        [lambda *images: (weak_BC, strong_BC, TAUGHT)], batch_of(labels), Progress(epoch, tables=tables)
    )
    output.losses[0].backward()
    return output, weak_BC, strong_BC


def method_of(**settings):
    method = sed.Method(sed.Config(**settings), COUNTS)
    return method, tables_of(method, images=3)


def test_the_warm_up_learns_every_label_and_penalises_confidence():
    method, tables = method_of(warmup_epochs=2, confidence_penalty=0.5)
    output, _, strong_BC = stepped(method, tables, [0, 2, -1], epoch=1)
    expected = (cross_entropy(WEAK, torch.tensor([0, 2, 0])) + 0.5 * negative_entropy(WEAK))[:2].mean()
    torch.testing.assert_close(output.losses[0].detach(), expected)
    assert strong_BC.grad is None
    assert output.samples.selected_MB.tolist() == [[True, True, False]]


def test_after_it_improbable_labels_are_left_out_and_the_teacher_is_learnt():
    method, tables = method_of(warmup_epochs=1, selection_momentum=0.0, relabelling_weight=2.0)
    stepped(method, tables, [0, 2, -1], epoch=0)
    method.epoch_started(Progress(1, tables=tables))
    assert tables["believed"].values_NK.tolist() == [[True], [False], [True]]
    output, weak_BC, strong_BC = stepped(method, tables, [0, 2, -1], epoch=1)
    assert weak_BC.grad.abs().sum(1).bool().tolist() == [True, False, False]
    assert output.samples.selected_MB.tolist() == [[True, False, False]]
    assert strong_BC.grad.abs().sum(1).bool().tolist() == [True, True, True]
    taught = output.metrics["loss_relabelled"]
    believed = cross_entropy(WEAK, torch.tensor([0, 2, 0]))[0]
    torch.testing.assert_close(output.losses[0].detach(), believed + 2 * taught)
    assert output.metrics["believed"].item() == 0.5


def test_an_epoch_that_saw_nothing_changes_no_threshold():
    method, tables = method_of()
    method.epoch_started(Progress(tables=tables))
    assert tables["threshold"].values_NK.item() == pytest.approx(1 / 3)
    assert tables["believed"].values_NK.all()


@pytest.mark.parametrize(
    ("prior", "relative"), [("class_counts", [0.05, 0.3, 0.2]), ("uniform", [0.5, 0.3, 0.2])]
)
def test_rare_classes_are_measured_against_their_share(prior, relative):
    method, _ = method_of(prior=prior)
    torch.testing.assert_close(method._relative(torch.tensor([0.5, 0.3, 0.2])), torch.tensor(relative))


def test_a_class_without_labels_bounds_no_other():
    method = sed.Method(sed.Config(), torch.tensor([4, 0]))
    torch.testing.assert_close(method._relative(torch.tensor([0.5, 0.5])), torch.tensor([0.125, 0.0]))


def test_the_teacher_follows_its_network():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.BatchNorm1d(2))
    companion = MeanTeacher(network, decay=0.75)
    before = network[1].weight.detach().clone()
    for mean in (0.0, 0.5, 1.0, 1.5):  # of 0; 0 and 1; …: a share of 1/4 is the decay's
        companion(network, torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2))
        torch.testing.assert_close(companion.teacher[1].weight, before + mean)
        with torch.no_grad():
            network[1].weight.add_(1)
    weak_BC, strong_BC, taught_BC = companion(network, torch.randn(3, 1, 2, 2), torch.randn(3, 1, 2, 2))
    torch.testing.assert_close(companion.teacher[1].weight, before + 0.75 * 1.5 + 0.25 * 4)
    assert weak_BC.requires_grad and strong_BC.requires_grad and not taught_BC.requires_grad
    assert [one.training for one in companion.train().teacher.children()] == [False, False, True]
    assert all(not weight.requires_grad for weight in companion.parameters())
