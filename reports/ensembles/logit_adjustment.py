"""Post-hoc logit adjustment: z_c - τ · log π_c, free on any finished model; τ is chosen on validation.

Shapes: N validation samples, C classes, T values of τ.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.data_config import DataConfig
from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities, folds
from reports.ensembles.rules.logit_adjusted import combine

Floats = npt.NDArray[np.float64]

RULE: Final = "logit_adjusted"
TAUS_T: Final = np.round(np.arange(0, 2.05, 0.1), 1)


def log_prior(class_counts_C: npt.NDArray[np.int64]) -> Floats:
    """log π_c, π_c the share of the training images with the given label c.

    A class without training images counts as the most frequent one: it is the least raised. (In the formula
    it would be raised without bound; the published code bounds it by 1e-12.)
    """
    counts_C = np.where(class_counts_C > 0, class_counts_C, class_counts_C.max())
    prior_C: Floats = np.log(counts_C / class_counts_C.sum())
    return prior_C


def balanced_accuracy(predicted_N: Labels, labels_N: Labels, classes: int, noise_rate: float) -> float:
    """The mean over classes of the estimated share of its samples that are predicted as that class.

    If a known share ε = ``noise_rate`` of the labels was replaced by another class, drawn uniformly, the
    counts of the true labels are estimated from those of the given ones by the inverse of the noise matrix:
    with b = ε / (C - 1), n_c samples labelled c, of which r_c are predicted as c, and p_c samples predicted
    as c, it is (r_c - b · p_c) / (n_c - b · N), clipped to [0, 1]. Classes of which no true sample is to be
    expected (n_c <= b · N) do not count. Without noise it is the mean recall.
    """
    given_C = np.bincount(labels_N, minlength=classes)
    predicted_C = np.bincount(predicted_N, minlength=classes)
    right_C = np.bincount(labels_N[predicted_N == labels_N], minlength=classes)
    chance = noise_rate / max(classes - 1, 1)
    true_C = given_C - chance * len(labels_N)
    counts_C = true_C > 0
    if not counts_C.any():
        return 0.0
    found_C = (right_C - chance * predicted_C)[counts_C] / true_C[counts_C]
    return float(found_C.clip(0, 1).mean())


def known_noise(config: DataConfig) -> float | None:
    """The share of the validation labels that was replaced by uniformly drawn classes on purpose."""
    if config.noise is None or config.noise.kind != "symmetric" or config.val_label == "clean":
        return None
    return config.noise.rate


def best_tau(logits_NC: Logits, labels_N: Labels, prior_C: Floats, noise_rate: float) -> float:
    """The τ of 0, 0.1, …, 2 with the highest :func:`balanced_accuracy`; the smallest of equals."""
    classes = logits_NC.shape[1]
    values_T = [
        balanced_accuracy((logits_NC - tau * prior_C).argmax(axis=1), labels_N, classes, noise_rate)
        for tau in TAUS_T
    ]
    return float(TAUS_T[int(np.argmax(values_T))])


def fitted(
    logits_NC: Logits, labels_N: Labels, prior_C: Floats, noise_rate: float
) -> tuple[float, Learnt, Probabilities]:
    """τ, what the rule learns (``offsets_C``), and probabilities [N, C] to judge it by.

    Those are cross-validated, as of the rules that learn: of each fold with the τ chosen on the others.
    """
    folds_N = folds(labels_N)
    judged_NC = np.empty(logits_NC.shape, dtype=np.float32)
    for fold in range(folds_N.max() + 1):
        held_N = folds_N == fold
        tau = best_tau(logits_NC[~held_N], labels_N[~held_N], prior_C, noise_rate)
        judged_NC[held_N] = combine(logits_NC[None, held_N], tau * prior_C)
    tau = best_tau(logits_NC, labels_N, prior_C, noise_rate)
    return tau, {"offsets_C": tau * prior_C}, judged_NC
