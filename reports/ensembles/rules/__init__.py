"""Ways to make one prediction of several members'; a rule is a file here that has ``combine``.

    combine(logits_MNC) -> probabilities_NC

A rule that learns from labelled samples has ``fit`` too, and ``combine`` takes what that found:

    fit(logits_MNC, labels_N) -> learnt, arrays by name
    combine(logits_MNC, **learnt) -> probabilities_NC

M members, N samples, C classes. Logits are up to a constant a sample the logarithms of the member's
probabilities; rows of probabilities sum to 1, and the class predicted is the arg-max. A new file is a new
rule, named after it: nothing lists them.
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
    """``fit``: None of a rule that learns nothing."""

    name: str
    combine: Callable[..., Probabilities]
    fit: Callable[[Logits, Labels], Learnt] | None = None

    def learn(self, logits_MNC: Logits, labels_N: Labels) -> Learnt:
        """What ``combine`` takes besides logits; nothing of a rule that learns nothing."""
        return self.fit(logits_MNC, labels_N) if self.fit else {}

    def judged(self, logits_MNC: Logits, labels_N: Labels) -> Probabilities:
        """Probabilities [N, C] of these same samples that may be judged by their labels.

        Of a rule that learns, each sample's come from a fit without it: the samples are dealt to five folds
        that have the classes in equal shares, by a fixed shuffle, and each fold is predicted with what the
        others taught.
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
    """The logarithms; of a probability that is 0 in float32, that of the smallest float."""
    logits_NC: Logits = np.log(probabilities_NC.clip(np.finfo(np.float32).tiny)).astype(np.float32)
    return logits_NC


def probabilities_of(logits_MNC: Logits) -> npt.NDArray[np.float64]:
    """Each member's own, [M, N, C]: the softmax over classes."""
    probabilities: npt.NDArray[np.float64] = softmax(logits_MNC.astype(np.float64), axis=-1)
    return probabilities


def normalised(scores_NC: npt.NDArray[np.float64]) -> Probabilities:
    """Rows of non-negative scores made to sum to 1; a row of zeros becomes uniform."""
    sums_N1 = scores_NC.sum(axis=1, keepdims=True)
    uniform = np.full_like(scores_NC, 1 / scores_NC.shape[1])
    shares_NC = np.divide(scores_NC, sums_N1, out=uniform, where=sums_N1 > 0)
    normalised_NC: Probabilities = shares_NC.astype(np.float32)
    return normalised_NC


def folds(labels_N: Labels) -> Labels:
    """[N]: the fold of each sample, 0 to 4 (fewer of fewer samples)."""
    shuffled = np.random.default_rng(0).permutation(len(labels_N))
    dealt = shuffled[np.argsort(labels_N[shuffled], kind="stable")]
    folds_N = np.empty(len(labels_N), dtype=np.int64)
    folds_N[dealt] = np.arange(len(labels_N)) % min(FOLDS, len(labels_N))
    return folds_N
