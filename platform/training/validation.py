"""A trial's networks on the validation split. Shapes: M networks, N samples, C classes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from platform.datasets.data import Data
from platform.datasets.loader import EvalLoader
from platform.training.errors import TrainingDiverged
from platform.training.evaluation import Probabilities, validation_metrics
from platform.training.precision import Precision
from platform.training.prediction import network_probabilities
from platform.training.workers import Workers


def validate(
    ranked: Sequence[nn.Module],
    others: Sequence[nn.Module],
    others_name: str,
    loader: EvalLoader,
    data: Data,
    workers: Workers,
    *,
    precision: Precision,
    channels_last: bool,
    place: str,
) -> dict[str, float]:
    """``val/…`` of the ranked networks and of the same with other weights, in one pass over the images.

    Each worker predicts its own part of them; all have the same metrics. Raises :class:`TrainingDiverged`,
    which names the ``place`` in training, if a network's weights are no longer of use.
    """
    own_MNC = network_probabilities(
        (*ranked, *others), loader, precision=precision, channels_last=channels_last
    )
    probabilities_MNC = _all_rows(
        own_MNC, len(data.rows("val")), workers, next(ranked[0].parameters()).device
    )
    for number, own_NC in enumerate(probabilities_MNC):
        if not np.isfinite(own_NC).all():
            raise TrainingDiverged(
                f"network {number % len(ranked) + 1} predicts what is not a number {place}"
            )
    count = len(ranked)
    others_MNC = probabilities_MNC[count:] if others else None
    return validation_metrics(probabilities_MNC[:count], data, others_MNC, others_name)


def _all_rows(own_MNC: Probabilities, samples: int, workers: Workers, device: torch.device) -> Probabilities:
    if workers.size == 1:
        return own_MNC
    own_NMC = torch.from_numpy(np.moveaxis(own_MNC, 1, 0).copy()).to(device)  # nccl sends from a GPU alone
    all_MNC: Probabilities = workers.gather(own_NMC, samples).movedim(1, 0).cpu().numpy()
    return all_MNC
