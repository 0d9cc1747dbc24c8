"""Which model is best where validation labels are noisy: measures besides accuracy on the given labels.

All use what several models predict of the same images, out of training. The noise matrix T is estimated by
confident learning: T_ij is the probability that an image of class i was labelled j.

Shapes: M models, N validation images, C classes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.confidence import (
    SparseProbabilities,
    confident_joint,
    is_confidently_wrong,
)
from platform.datasets.audit.labels.probability.calibration import Doubt

Floats = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.floating]

SMOOTHING = 1.0
"""Images that are added to each class's diagonal: a class without a sure image has no noise."""
MOST_CLASSES = 1_000
"""Classes up to which T is estimated and inverted: 8 MB and a second."""


@dataclass(frozen=True)
class Noise:
    """What M models together say of the given labels.

    Attributes:
        transition_CC: T_ij = P(given j | true i); its rows sum to 1.
        prior_C: P(true i).
        believed_N: Labels that confident learning does not take for wrong.
        is_sure: Whether the predictions miss at most a fifth of the right labels; else errors of the models
            and of the labels cannot be told apart, and T is a guess.
    """

    transition_CC: Floats
    prior_C: Floats
    believed_N: npt.NDArray[np.bool_]
    is_sure: bool = True

    @property
    def rate(self) -> float:
        """Estimated share of wrong labels: 1 - Σ_i P(i) T_ii."""
        return float(1 - self.prior_C @ np.diag(self.transition_CC))


def estimated_noise(mean_NC: Probabilities, labels_N: Ints) -> Noise:
    """T and P(true) from the confident joint J of ``mean_NC``, the models' mean probabilities.

    J counts images by label and confident class; its rows are scaled to the labels' counts, as in Northcutt,
    Jiang & Chuang, Confident Learning, JAIR 2021 (arXiv 1911.00068), equation 3; then
    T_ij = Q_ji / Σ_k Q_ki and P(i) = Σ_k Q_ki of the scaled Q. So the errors of weak models would be the
    labels'; the images on which the models are surest tell how many labels are wrong at most
    (:class:`.Doubt`), and T's noise is scaled down to that.
    """
    classes = mean_NC.shape[1]
    sparse = SparseProbabilities.of(mean_NC)
    joint_CC = confident_joint(sparse, labels_N) + SMOOTHING * np.eye(classes)
    counts_C = np.bincount(labels_N, minlength=classes)
    joint_CC *= (counts_C / joint_CC.sum(1))[:, None]
    of_true_C = joint_CC.sum(0)
    unseen_C = of_true_C == 0
    transition_CC = np.where(
        unseen_C[:, None], np.eye(classes), joint_CC.T / np.maximum(of_true_C, 1e-12)[:, None]
    )
    prior_C = of_true_C / of_true_C.sum()
    rate = float(1 - prior_C @ np.diag(transition_CC))
    surest_first_N = np.argsort(-mean_NC.max(1), kind="stable")
    disagrees_N = (mean_NC.argmax(1) != labels_N)[surest_first_N]
    doubt = Doubt.of(disagrees_N)
    if rate > doubt.rate:
        transition_CC = np.eye(classes) + doubt.rate / rate * (transition_CC - np.eye(classes))
    return Noise(transition_CC, prior_C, ~is_confidently_wrong(sparse, labels_N), doubt.is_small)


def agreement(predictions_MN: Ints, mean_NC: Probabilities) -> Floats:
    """[M] share of the images on which a model predicts what the models' mean probabilities do.

    The models vote on each image; labels play no part. Models that were trained alike are wrong alike, and
    agree.
    """
    return np.asarray((predictions_MN == mean_NC.argmax(1)).mean(1))


def believed_accuracy(predictions_MN: Ints, labels_N: Ints, noise: Noise) -> Floats:
    """[M] accuracy on the images whose label is believed; NaN if none is."""
    if not noise.believed_N.any():
        return np.full(len(predictions_MN), np.nan)
    return np.asarray((predictions_MN == labels_N)[:, noise.believed_N].mean(1))


def corrected_accuracy(predictions_MN: Ints, labels_N: Ints, noise: Noise) -> Floats:
    """[M] mean over the images of (T^-1)_{y,ŷ}, for given labels y and predictions ŷ.

    Its expectation is the accuracy on true labels if T is right and given labels depend on the true one
    alone: Σ_j T_ij (T^-1)_{j,ŷ} is 1 if i = ŷ and 0 else (the backward correction of Patrini et al., Making
    Deep Neural Networks Robust to Label Noise, CVPR 2017, arXiv 1609.03683, theorem 1, of the 0-1 loss). With
    noise that is the same for all pairs of classes it ranks models as the plain accuracy does. NaN where T
    has no inverse, or more than 1,000 classes.
    """
    if len(noise.prior_C) > MOST_CLASSES:
        return np.full(len(predictions_MN), np.nan)
    try:
        inverse_CC = np.linalg.inv(noise.transition_CC)
    except np.linalg.LinAlgError:
        return np.full(len(predictions_MN), np.nan)
    return np.asarray(inverse_CC[labels_N[None, :], predictions_MN].mean(1))


def noisy_likelihood(probabilities_MNC: Probabilities, labels_N: Ints, noise: Noise) -> Floats:
    """[M] mean over the images of log Σ_i p_i T_iy: how probable the given labels are under p and T, in nats.

    The forward correction of Patrini et al. (theorem 2).
    """
    of_labels_NC = noise.transition_CC[:, labels_N].T
    likelihood_MN = np.einsum("mnc,nc->mn", probabilities_MNC, of_labels_NC, optimize=True)
    return np.asarray(np.log(np.maximum(likelihood_MN, 1e-12)).mean(1))
