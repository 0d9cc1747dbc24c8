"""Evaluates a trial's networks on the validation split.

Shapes: M networks, N samples, C classes, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from platform.datasets.batches.loader import EvalLoader
from platform.datasets.preparation.data import Data
from platform.training.errors import TrainingDiverged
from platform.training.evaluation.classification import Probabilities, validation_metrics
from platform.training.evaluation.embeddings import embedding_metrics
from platform.training.evaluation.prediction import network_embeddings, network_probabilities
from platform.training.loop.workers import Workers
from platform.training.optimisation.precision import Precision
from platform.training.trial.retrieval_config import RetrievalConfig


@dataclass(frozen=True)
class Validator:
    """Each worker predicts a part of the split; all get the same metrics of the whole split."""

    data: Data
    loader: EvalLoader
    workers: Workers
    retrieval: RetrievalConfig
    precision: Precision
    channels_last: bool

    def metrics(
        self, ranked: Sequence[nn.Module], others: Sequence[nn.Module], others_name: str, place: str
    ) -> dict[str, float]:
        """Compute ``val/…`` of the ranked networks, and of the same networks with other weights, in one pass.

        The metrics are those of classification, or of retrieval if the data have identities.
        Raises :class:`TrainingDiverged`, which names the ``place`` in training, if a network's weights are no
        longer of use.
        """
        networks, count = (*ranked, *others), len(ranked)
        predicted = self._embeddings(networks) if self.data.is_retrieval else self._probabilities(networks)
        for number, own in enumerate(predicted):
            if not np.isfinite(own).all():
                network = number % count + 1
                raise TrainingDiverged(f"network {network} predicts what is not a number {place}")
        if self.data.is_retrieval:
            metrics = embedding_metrics(predicted[:count], self.data, "val", self.retrieval)
            compared = (
                embedding_metrics(predicted[count:], self.data, "val", self.retrieval) if others else {}
            )
            metrics |= {f"{others_name}_{name}": value for name, value in compared.items()}
            return {f"val/{name}": value for name, value in metrics.items()}
        others_MNC = np.stack(predicted[count:]) if others else None
        return validation_metrics(np.stack(predicted[:count]), self.data, others_MNC, others_name)

    def _probabilities(self, networks: Sequence[nn.Module]) -> list[Probabilities]:
        """Each network's probabilities [N, C]."""
        own_MNC = network_probabilities(
            networks, self.loader, precision=self.precision, channels_last=self.channels_last
        )
        return [self._whole(own_NC, networks[0]) for own_NC in own_MNC]

    def _embeddings(self, networks: Sequence[nn.Module]) -> list[Probabilities]:
        """Each network's embeddings [N, D]."""
        found = network_embeddings(
            networks,
            self.loader,
            flip=self.retrieval.flip,
            precision=self.precision,
            channels_last=self.channels_last,
        )
        return [self._whole(own_ND, networks[0]) for own_ND in found]

    def _whole(self, own: Probabilities, network: nn.Module) -> Probabilities:
        """Gather the rows of all workers."""
        if self.workers.size == 1:
            return own
        device = next(network.parameters()).device  # nccl sends from a GPU alone
        samples = len(self.data.rows("val"))
        whole: Probabilities = self.workers.gather(torch.from_numpy(own).to(device), samples).cpu().numpy()
        return whole
