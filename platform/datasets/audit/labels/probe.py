"""Judges labels by a light model of our own: softmax regression on random features, out of fold.

Shapes: N images, D dimensions of the embedding, H hidden ones, E = D + H, C classes, B images of a step.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.confidence import SparseProbabilities

FOLDS: Final = 4
EPOCHS: Final = 12
BATCH: Final = 256
RATE: Final = 0.02
DECAY: Final = 1e-4
HIDDEN: Final = 1024
HIDDEN_SHARE: Final = 0.8
"""Of the squared length of a feature vector."""
MOST_HIDDEN: Final = 30_000_000
"""Images times classes above which the regression is on the embedding alone: it would take hours."""
_SAMPLED: Final = 8192
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
    hidden = HIDDEN if len(labels_N) * classes <= MOST_HIDDEN else 0
    features = _Features(embeddings_ND, hidden)
    margins_N, times_N = np.zeros(len(labels_N)), np.zeros(len(labels_N))
    kept = min(classes, 32)
    classes_NK = np.empty((len(labels_N), kept), dtype=np.int32)
    values_NK = np.empty((len(labels_N), kept), dtype=np.float32)
    for fold in range(folds):
        learnt, asked = np.flatnonzero(fold_N != fold), np.flatnonzero(fold_N == fold)
        model = _Model(features, classes, len(learnt))
        margins_N[learnt] += model.learn(labels_N, learnt)
        times_N[learnt] += 1
        for start in range(0, len(asked), 4096):
            some = asked[start : start + 4096]
            found = SparseProbabilities.of(model.probabilities(some), kept)
            classes_NK[some], values_NK[some] = found.classes_NK, found.values_NK
    probabilities = SparseProbabilities(classes_NK, values_NK, classes)
    return Judged(probabilities, margins_N / np.maximum(times_N, 1))


class _Features:
    """[B, E] of rows of the embeddings: these, and H random features max(0, x · w), w normal; unit length.

    Random features (Rahimi & Recht, NeurIPS 2007) with rectified units, whose inner products near the
    arc-cosine kernel of Cho & Saul, NeurIPS 2009: a regression on them can bend round classes as neighbours
    do, and takes no longer than one on any features. They are centred by the mean of some images.
    """

    def __init__(self, embeddings_ND: npt.NDArray[np.floating], hidden: int) -> None:
        self._embeddings_ND = embeddings_ND
        dimensions = embeddings_ND.shape[1]
        self.dimensions = dimensions + hidden
        random = torch.Generator().manual_seed(_STREAM)
        self._weights_DH = torch.randn(dimensions, hidden, generator=random) if hidden else None
        self._mean_H = torch.zeros(hidden)
        if self._weights_DH is not None:
            every = max(len(embeddings_ND) // _SAMPLED, 1)
            self._mean_H = _float(embeddings_ND[::every]).matmul(self._weights_DH).relu().mean(0)

    def of(self, rows_B: Ints) -> Tensor:
        some_BD = _float(self._embeddings_ND[rows_B])
        if self._weights_DH is None:
            return some_BD
        hidden_BH = normalize((some_BD @ self._weights_DH).relu() - self._mean_H)
        return torch.cat([some_BD * (1 - HIDDEN_SHARE) ** 0.5, hidden_BH * HIDDEN_SHARE**0.5], 1)


class _Model:
    """Weights and bias, learnt by Adam with decoupled decay and a rate that falls to 0."""

    def __init__(self, features: _Features, classes: int, images: int) -> None:
        self._features = features
        self.weights_EC = torch.zeros(features.dimensions, classes, requires_grad=True)
        self.bias_C = torch.zeros(classes, requires_grad=True)
        self.scale = features.dimensions**0.5  # so that features have a variance of about 1
        self.steps = EPOCHS * -(-images // BATCH)
        self._optimiser = torch.optim.AdamW([self.weights_EC, self.bias_C], lr=RATE, weight_decay=DECAY)

    def learn(self, labels_N: Ints, learnt: Ints) -> npt.NDArray[np.float64]:
        """Fit to the rows ``learnt``; returns their mean margins."""
        margins = np.zeros(len(learnt))
        step = 0
        for epoch in range(EPOCHS):
            order = np.random.default_rng([epoch, _STREAM]).permutation(len(learnt))
            for places_B in np.split(order, np.arange(BATCH, len(order), BATCH)):
                labels_B = torch.from_numpy(labels_N[learnt[places_B]])
                logits_BC = self._logits(learnt[places_B])
                margins[places_B] += _margins(logits_BC.detach(), labels_B).numpy() / EPOCHS
                for group in self._optimiser.param_groups:
                    group["lr"] = RATE * (1 - step / self.steps) / self.scale
                self._optimiser.zero_grad()
                cross_entropy(logits_BC, labels_B).backward()
                self._optimiser.step()
                step += 1
        return margins

    @torch.no_grad()
    def probabilities(self, rows_B: Ints) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = self._logits(rows_B).softmax(1).numpy()
        return found

    def _logits(self, rows_B: Ints) -> Tensor:
        logits_BC: Tensor = self._features.of(rows_B) * self.scale @ self.weights_EC + self.bias_C
        return logits_BC


def _float(embeddings_BD: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(embeddings_BD, dtype=np.float32))


def _margins(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    own_B1 = logits_BC.gather(1, labels_B[:, None])
    others_B = logits_BC.scatter(1, labels_B[:, None], -torch.inf).amax(1)
    margins_B: Tensor = own_B1.squeeze(1) - others_B
    return margins_B
