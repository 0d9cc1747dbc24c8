"""The methods of one network with a loss that forgives wrong labels: gce and sce."""

import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.generalised_cross_entropy import generalised_cross_entropy
from platform.losses.symmetric_cross_entropy import symmetric_cross_entropy
from platform.methods import gce, sce
from tests.methods.fixed_networks import step

LOGITS = [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.5]]
LABELS = [0, 0, 2]
COUNTS = torch.tensor([2, 0, 1])


def losses_of(loss, **options):
    return loss(torch.tensor(LOGITS), torch.tensor(LABELS), **options)


def test_gce_begins_with_cross_entropy():
    method = gce.Method(gce.Config(q=0.7, warmup_epochs=2, truncate_below=0.5), COUNTS)
    for epoch, expected in (
        (1, losses_of(cross_entropy).mean()),
        (2, losses_of(generalised_cross_entropy, q=0.7, truncate_below=0.5).mean()),
    ):
        _, output = step(method, (LOGITS,), LABELS, epoch=epoch)
        torch.testing.assert_close(output.losses[0], expected)


def test_gce_leaves_out_improbable_labels_after_its_epochs_only():
    config = gce.Config(truncate_below=0.4, truncate_after_epochs=3)
    for epoch, selected in ((2, [True] * 3), (3, [True, False, True])):
        networks, output = step(gce.Method(config, COUNTS), (LOGITS,), LABELS, epoch=epoch)
        assert output.samples.selected_MB.tolist() == [selected]
        assert networks[0].logits_BC.grad.abs().sum(1).bool().tolist() == selected
        torch.testing.assert_close(output.metrics["truncated"], torch.tensor(1 - sum(selected) / 3))


def test_sce_is_the_mean_of_its_loss():
    config = sce.Config(alpha=0.5, beta=2.0, log_zero=-6.0, label_smoothing=0.1)
    _, output = step(sce.Method(config, COUNTS), (LOGITS,), LABELS)
    options = {"alpha": 0.5, "beta": 2.0, "log_zero": -6.0, "label_smoothing": 0.1}
    torch.testing.assert_close(output.losses[0], losses_of(symmetric_cross_entropy, **options).mean())
