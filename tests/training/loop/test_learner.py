"""Networks as a method's step sees them."""

import pytest
import torch

from platform.losses.contrastive import supcon
from platform.training.loop.trainer import Trainer


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_losses_are_computed_in_float32_whatever_the_networks_run_in(precision, make_config, noisy_digits):
    """Similarities over a small temperature: in bf16 the loss would be off by some percent."""
    method = {"name": "supcon", "temperature": 0.05, "stages": [-2, -1]}
    trainer = Trainer(make_config(method=method, precision=precision), noisy_digits)
    step, seen = trainer.stage.method.step, {}

    def watched(networks, batch, progress):
        seen["outputs"], seen["labels"] = networks[0](batch.images, batch.second), batch.labels
        return step([lambda *images: seen["outputs"]], batch, progress)

    trainer.stage.method.step = watched
    [output] = trainer.train_step(next(trainer.stage.updates(0)))
    assert all(each.dtype == torch.float32 for each in seen["outputs"])
    projections_BKVD = seen["outputs"][1].detach().double()
    exact = sum(supcon(each, seen["labels"], temperature=0.05) for each in projections_BKVD.unbind(1))
    assert output.metrics["loss_contrast"].item() == pytest.approx(exact.item(), rel=1e-6)
