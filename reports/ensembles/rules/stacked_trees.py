"""Stacking by gradient-boosted trees, which learn which of the likely classes is right."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from sklearn.ensemble import HistGradientBoostingClassifier

from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities, normalised
from reports.ensembles.rules.mean_logit import combine as combine_mean

CANDIDATES = 8
TREES = 100
FLOOR = -20.0
LEAST = 1e-6


def fit(logits_MNC: Logits, labels_N: Labels) -> Learnt:
    """The samples themselves: fitting the trees again takes seconds and gives the same trees.

    (A file of arrays is safe to read; a pickle of scikit-learn's trees would run code.)
    """
    return {"known_MNC": logits_MNC.astype(np.float16), "labels_N": labels_N.astype(np.int32)}


def combine(
    logits_MNC: Logits, known_MNC: npt.NDArray[np.float16], labels_N: npt.NDArray[np.int32]
) -> Probabilities:
    """Probabilities [N, C]: the trees' scores of each sample's 8 likeliest classes, 1e-6 for the others.

    The likeliest classes have the highest mean log-probabilities; rows are scaled to sum to 1. The trees are
    one binary classifier for all classes, "is this the label?", because one for each class would need many
    samples of it: HistGradientBoosting of 100 trees on M + 3 features of a sample and a class (each member's
    log-probability, their mean, their spread, and how far the mean is below the sample's best).
    """
    grown = _grown(known_MNC.shape, known_MNC.tobytes(), labels_N.tobytes())
    places_NK, features_NKF = _candidates(logits_MNC)
    if grown is None:
        return combine_mean(logits_MNC)
    scores = grown.predict_proba(features_NKF.reshape(-1, features_NKF.shape[2]))[:, 1]
    scores_NK = scores.reshape(places_NK.shape)
    scores_NC = np.full(logits_MNC.shape[1:], LEAST)
    np.put_along_axis(scores_NC, places_NK, scores_NK, axis=1)
    return normalised(scores_NC)


@lru_cache(maxsize=2)
def _grown(shape: tuple[int, ...], known: bytes, labels: bytes) -> HistGradientBoostingClassifier | None:
    """The fitted trees; None if there is nothing to learn: no candidate is the label, or every one is."""
    known_MNC = np.frombuffer(known, dtype=np.float16).reshape(shape).astype(np.float32)
    labels_N = np.frombuffer(labels, dtype=np.int32)
    places_NK, features_NKF = _candidates(known_MNC)
    is_label = (places_NK == labels_N[:, None]).ravel()
    if is_label.all() or not is_label.any():
        return None
    trees = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=15, l2_regularization=1.0, early_stopping=False, random_state=0
    )
    return trees.fit(features_NKF.reshape(len(is_label), -1), is_label)


def _candidates(logits_MNC: Logits) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Places [N, K] of each sample's likeliest classes, and features [N, K, M + 3]."""
    logarithms_MNC = log_softmax(logits_MNC.astype(np.float64), axis=-1).clip(FLOOR)
    mean_NC = logarithms_MNC.mean(axis=0)
    places_NK = np.argsort(-mean_NC, axis=1, kind="stable")[:, :CANDIDATES]
    of_members_MNK = np.take_along_axis(logarithms_MNC, places_NK[None], axis=2)
    mean_NK = of_members_MNK.mean(axis=0)
    below_NK = mean_NK[:, :1] - mean_NK
    return places_NK, np.stack([*of_members_MNK, mean_NK, of_members_MNK.std(axis=0), below_NK], axis=2)
