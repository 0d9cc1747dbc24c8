"""Judges labels by a light model of our own: softmax regression on the embeddings, out of fold.

Shapes: N images, D dimensions, C classes, B images of a step.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.confidence import SparseProbabilities

FOLDS: Final = 4
EPOCHS: Final = 12
BATCH: Final = 256
RATE: Final = 0.02
DECAY: Final = 1e-4
_STREAM: Final = 12


@dataclass(frozen=True)
class Judged:
    """``probabilities``: by the model that did not learn the image; ``margins_N``: by those that did.

    A margin is the label's logit minus the highest of the others, before each step, mean over epochs and
    models; low is suspect (Pleiss et al., Area Under the Margin, NeurIPS 2020).
    """

    probabilities: SparseProbabilities
    margins_N: npt.NDArray[np.float64]


def folds_of(labels_N: Ints, folds: int, seed: int = 0) -> Ints:
    """[N] the fold of each image, from 0: dealt out class by class, in random order within each."""
    order = np.random.default_rng([seed, _STREAM]).permutation(len(labels_N))
    by_class = order[np.argsort(labels_N[order], kind="stable")]
    fold_N = np.empty(len(labels_N), dtype=np.int64)
    fold_N[by_class] = np.arange(len(labels_N)) % folds
    return fold_N


def judge(
    embeddings_ND: npt.NDArray[np.floating], labels_N: Ints, classes: int, folds: int = FOLDS
) -> Judged:
    """Learn from all folds but one and predict that one, for each.

    ``embeddings_ND`` have unit length. If they are those of a network that learnt these labels, the
    predictions know them too: an embedding that has memorised a wrong label does not betray it.
    """
    fold_N = folds_of(labels_N, folds)
    margins_N, times_N = np.zeros(len(labels_N)), np.zeros(len(labels_N))
    kept = min(classes, 32)
    classes_NK = np.empty((len(labels_N), kept), dtype=np.int32)
    values_NK = np.empty((len(labels_N), kept), dtype=np.float32)
    for fold in range(folds):
        learnt, asked = np.flatnonzero(fold_N != fold), np.flatnonzero(fold_N == fold)
        model = _Model(embeddings_ND.shape[1], classes, len(learnt))
        margins_N[learnt] += model.learn(embeddings_ND, labels_N, learnt)
        times_N[learnt] += 1
        for start in range(0, len(asked), 4096):
            some = asked[start : start + 4096]
            found = SparseProbabilities.of(model.probabilities(embeddings_ND[some]), kept)
            classes_NK[some], values_NK[some] = found.classes_NK, found.values_NK
    probabilities = SparseProbabilities(classes_NK, values_NK, classes)
    return Judged(probabilities, margins_N / np.maximum(times_N, 1))


class _Model:
    """Weights and bias, learnt by Adam with decoupled decay and a rate that falls to 0."""

    def __init__(self, dimensions: int, classes: int, images: int) -> None:
        self.weights_DC = torch.zeros(dimensions, classes, requires_grad=True)
        self.bias_C = torch.zeros(classes, requires_grad=True)
        self.scale = dimensions**0.5  # so that features have a variance of about 1
        self.steps = EPOCHS * -(-images // BATCH)
        self._optimiser = torch.optim.AdamW([self.weights_DC, self.bias_C], lr=RATE, weight_decay=DECAY)

    def learn(
        self, embeddings_ND: npt.NDArray[np.floating], labels_N: Ints, learnt: Ints
    ) -> npt.NDArray[np.float64]:
        """Fit to the rows ``learnt``; returns their mean margins."""
        margins = np.zeros(len(learnt))
        step = 0
        for epoch in range(EPOCHS):
            order = np.random.default_rng([epoch, _STREAM]).permutation(len(learnt))
            for places_B in np.split(order, np.arange(BATCH, len(order), BATCH)):
                labels_B = torch.from_numpy(labels_N[learnt[places_B]])
                logits_BC = self._logits(embeddings_ND[learnt[places_B]])
                margins[places_B] += _margins(logits_BC.detach(), labels_B).numpy() / EPOCHS
                for group in self._optimiser.param_groups:
                    group["lr"] = RATE * (1 - step / self.steps) / self.scale
                self._optimiser.zero_grad()
                cross_entropy(logits_BC, labels_B).backward()
                self._optimiser.step()
                step += 1
        return margins

    @torch.no_grad()
    def probabilities(self, embeddings_BD: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = self._logits(embeddings_BD).softmax(1).numpy()
        return found

    def _logits(self, embeddings_BD: npt.NDArray[np.floating]) -> Tensor:
        some_BD = torch.from_numpy(np.ascontiguousarray(embeddings_BD, dtype=np.float32)) * self.scale
        logits_BC: Tensor = some_BD @ self.weights_DC + self.bias_C
        return logits_BC


def _margins(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    own_B1 = logits_BC.gather(1, labels_B[:, None])
    others_B = logits_BC.scatter(1, labels_B[:, None], -torch.inf).amax(1)
    margins_B: Tensor = own_B1.squeeze(1) - others_B
    return margins_B
