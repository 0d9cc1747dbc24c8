"""Rules that combine several members' predictions; each file here is a rule with a function ``combine``.

    combine(logits_MNC) -> probabilities_NC

A rule that learns from labelled samples has ``fit``, too, and ``combine`` takes its result:

    fit(logits_MNC, labels_N) -> learnt, arrays by name
    combine(logits_MNC, **learnt) -> probabilities_NC

M members, N samples, C classes. Logits are the logarithms of the member's probabilities, up to a constant for
each sample; rows of probabilities sum to 1, and the arg-max is the predicted class. A new file is a new rule
with the file's name; no list needs to be edited.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

Logits = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Learnt = Mapping[str, npt.NDArray[Any]]

FOLDS = 5


@dataclass(frozen=True)
class Rule:
    """``fit``: None if the rule does not learn."""

    name: str
    combine: Callable[..., Probabilities]
    fit: Callable[[Logits, Labels], Learnt] | None = None

    def learn(self, logits_MNC: Logits, labels_N: Labels) -> Learnt:
        """Arguments for ``combine`` besides the logits; empty if the rule does not learn."""
        return self.fit(logits_MNC, labels_N) if self.fit else {}

    def judged(self, logits_MNC: Logits, labels_N: Labels) -> Probabilities:
        """Probabilities [N, C] of these samples that can be judged by the same labels.

        If the rule learns, they are cross-validated: a fixed shuffle deals the samples to five stratified
        folds, and each fold is predicted by a fit on the others.
        """
        if self.fit is None:
            return self.combine(logits_MNC)
        folds_N = folds(labels_N)
        combined_NC = np.empty(logits_MNC.shape[1:], dtype=np.float32)
        for fold in range(folds_N.max() + 1):
            held_N = folds_N == fold
            learnt = self.fit(logits_MNC[:, ~held_N], labels_N[~held_N])
            combined_NC[held_N] = self.combine(logits_MNC[:, held_N], **learnt)
        return combined_NC


def rules() -> dict[str, Rule]:
    """Every rule by its file's name."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    modules = {name: import_module(f"{__name__}.{name}") for name in names}
    return {
        name: Rule(name, module.combine, getattr(module, "fit", None)) for name, module in modules.items()
    }


def logits_of(probabilities_NC: Probabilities) -> Logits:
    """Logarithms of probabilities; a probability of 0 counts as the smallest normal float32."""
    logits_NC: Logits = np.log(probabilities_NC.clip(np.finfo(np.float32).tiny)).astype(np.float32)
    return logits_NC


def probabilities_of(logits_MNC: Logits) -> npt.NDArray[np.float64]:
    """Each member's probabilities [M, N, C]: the softmax over classes."""
    probabilities: npt.NDArray[np.float64] = softmax(logits_MNC.astype(np.float64), axis=-1)
    return probabilities


def normalised(scores_NC: npt.NDArray[np.float64]) -> Probabilities:
    """Scale rows of non-negative scores to sum to 1; a row of zeros becomes uniform."""
    sums_N1 = scores_NC.sum(axis=1, keepdims=True)
    uniform = np.full_like(scores_NC, 1 / scores_NC.shape[1])
    shares_NC = np.divide(scores_NC, sums_N1, out=uniform, where=sums_N1 > 0)
    normalised_NC: Probabilities = shares_NC.astype(np.float32)
    return normalised_NC


def folds(labels_N: Labels) -> Labels:
    """[N]: the fold of each sample, from 0 to 4 (fewer folds for fewer than five samples)."""
    shuffled = np.random.default_rng(0).permutation(len(labels_N))
    dealt = shuffled[np.argsort(labels_N[shuffled], kind="stable")]
    folds_N = np.empty(len(labels_N), dtype=np.int64)
    folds_N[dealt] = np.arange(len(labels_N)) % min(FOLDS, len(labels_N))
    return folds_N
