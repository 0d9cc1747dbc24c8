"""Concatenation: one linear classifier on the concatenated features of several trials' networks.

Shapes: M members, N samples, D features of all members together, C classes.
"""

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from reports.ensembles.rules import Labels, Learnt, Probabilities, folds

Features = npt.NDArray[np.float32]

RULE: Final = "concat"

PRIOR: Final = 10.0
"""The prior variance of a class's score, from which the penalty follows."""
ROUNDS: Final = 300
UNSEEN: Final = -20.0
"""The score of a class without training samples, below the others' scores."""
MOST_WORK: Final = 2e10
"""Samples x coordinates x classes of a fit that takes about ten minutes."""


def side_by_side(features_MND: Sequence[Features]) -> Features:
    """[N, D] of each member's [N, D_m]."""
    return np.concatenate(features_MND, axis=1)


def too_much(features_ND: Features, classes: int) -> str | None:
    """The reason, if a fit would take far longer than the rest of a report; else None."""
    samples, dimensions = features_ND.shape
    if samples * min(samples, dimensions) * classes <= MOST_WORK:
        return None
    return f"{samples:,} images x {dimensions:,} features x {classes:,} classes would take too long"


def fit_linear(features_ND: Features, labels_N: Labels, classes: int) -> Learnt:
    """``weights_DC`` and ``bias_C`` of a multinomial logistic regression on x, the standardised features.

    Minimises ½ Σ w_dc² - v/D Σ_n log softmax_c(Σ_d x_nd w_dc + b_c)_y, v = 10, by scikit-learn's L-BFGS (with
    two classes, one score is fitted and the other is 0). ``mean_D`` and ``scale_D`` standardise the features;
    a feature that is the same in all samples is ignored. The features are the inputs of each network's
    classifier, scaled to unit length for each network.
    """
    mean_D = features_ND.mean(axis=0, dtype=np.float64)
    deviation_D = features_ND.std(axis=0, dtype=np.float64)
    scale_D = np.divide(1, deviation_D, out=np.zeros_like(deviation_D), where=deviation_D > 1e-8)
    weights_DC, bias_C = np.zeros((len(mean_D), classes)), np.full(classes, UNSEEN)
    seen = np.unique(labels_N)
    bias_C[seen] = 0
    if len(seen) > 1:
        # one thread: on shared cores, several threads wait for each other longer than they compute
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a fit that ended early is usable
            coordinates_NR, axes_RD = _coordinates((features_ND - mean_D) * scale_D)
            regression = LogisticRegression(C=PRIOR / len(mean_D), max_iter=ROUNDS)
            regression.fit(coordinates_NR, labels_N)
        scored = seen if len(seen) > 2 else seen[1:]  # with two classes it scores the second
        weights_DC[:, scored], bias_C[scored] = axes_RD.T @ regression.coef_.T, regression.intercept_
    return {"mean_D": mean_D, "scale_D": scale_D, "weights_DC": weights_DC, "bias_C": bias_C}


def _coordinates(
    standard_ND: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coordinates [N, R] on orthonormal axes [R, D], R = min(N, D); their product is the input.

    The best weights lie in the span of the samples, as any other component only adds to the penalty. So with
    fewer samples than features the classifier is the same, and the fit takes a fraction of the time.
    """
    left_NR, sizes_R, axes_RD = np.linalg.svd(standard_ND, full_matrices=False)
    return left_NR * sizes_R, axes_RD


def classify(
    features_ND: Features,
    mean_D: npt.NDArray[np.float64],
    scale_D: npt.NDArray[np.float64],
    weights_DC: npt.NDArray[np.float64],
    bias_C: npt.NDArray[np.float64],
) -> Probabilities:
    """Probabilities [N, C]: softmax_c(Σ_d x_nd w_dc + b_c)."""
    scores_NC = ((features_ND - mean_D) * scale_D) @ weights_DC + bias_C
    combined_NC: Probabilities = softmax(scores_NC, axis=1).astype(np.float32)
    return combined_NC


def judged_features(features_ND: Features, labels_N: Labels, classes: int) -> Probabilities:
    """[N, C]: each sample is predicted by a classifier that was fitted on the other folds."""
    folds_N = folds(labels_N)
    combined_NC = np.empty((len(labels_N), classes), dtype=np.float32)
    for fold in range(folds_N.max() + 1):
        held_N = folds_N == fold
        learnt = fit_linear(features_ND[~held_N], labels_N[~held_N], classes)
        combined_NC[held_N] = classify(features_ND[held_N], **learnt)
    return combined_NC
