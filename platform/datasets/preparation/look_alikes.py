"""Find the other class that each image resembles most, by its features.

N: images, F: features of each, C: classes, K: images that a model is fitted to, P: classes among them,
T: images it is evaluated on.
"""

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.preparation.picture_features import Features

FOLDS = 5
SHRINKAGE = 0.1
CHUNK = 4096  # images compared at a time


def runner_up_classes(labels_N: Ints, features_NF: Features, random: np.random.Generator) -> Ints:
    """[N]: the most likely class besides the image's own, by a model that was not fitted to the image.

    Five-fold cross-validation (stratified, drawn by ``random``) of linear discriminant analysis. There must
    be at least two classes. A class that is missing from a fold's training images ranks below all others.
    """
    classes, places_N = np.unique(labels_N, return_inverse=True)
    folds_N = _stratified_folds(places_N, random)
    runner_up_N = np.empty_like(labels_N)
    for fold in range(FOLDS):
        asked = np.flatnonzero(folds_N == fold)
        known = np.flatnonzero(folds_N != fold)
        model = _Discriminant(places_N[known], features_NF[known])
        for start in range(0, len(asked), CHUNK):
            some_T = asked[start : start + CHUNK]
            scores_TC = np.full((len(some_T), len(classes)), np.finfo(np.float64).min)
            scores_TC[:, model.seen_P] = model.log_posteriors(features_NF[some_T])
            scores_TC[np.arange(len(some_T)), places_N[some_T]] = -np.inf
            runner_up_N[some_T] = classes[scores_TC.argmax(axis=1)]
    return runner_up_N


def nearest_other_classes(labels_N: Ints, features_NF: Features, asked_T: Ints) -> Ints:
    """[T]: the class of the most similar image of another class, for each of ``asked_T``.

    Similarity is the cosine of standardised features. Makes N x T comparisons.
    """
    spread_F = features_NF.std(axis=0)
    standardised_NF = (features_NF - features_NF.mean(axis=0)) / np.where(spread_F > 0, spread_F, 1)
    lengths_N1 = np.linalg.norm(standardised_NF, axis=1, keepdims=True)
    directions_NF = standardised_NF / np.where(lengths_N1 > 0, lengths_N1, 1)
    nearest = []
    for start in range(0, len(asked_T), CHUNK):
        some_T = asked_T[start : start + CHUNK]
        cosine_TN = directions_NF[some_T] @ directions_NF.T
        cosine_TN[labels_N[some_T, None] == labels_N] = -np.inf
        nearest.append(labels_N[cosine_TN.argmax(axis=1)])
    return np.concatenate(nearest) if nearest else asked_T


def _stratified_folds(places_N: Ints, random: np.random.Generator) -> Ints:
    """[N] in 0 … FOLDS - 1: images are dealt out class by class, in random order within each."""
    order = random.permutation(len(places_N))
    by_class = order[np.argsort(places_N[order], kind="stable")]
    folds_N = np.empty_like(places_N)
    folds_N[by_class] = np.arange(len(places_N)) % FOLDS
    return folds_N


class _Discriminant:
    """log p(c | x) = x' S⁻¹ m_c - m_c' S⁻¹ m_c / 2 + log p(c), up to a constant per image.

    m_c are the means of the classes ``seen_P``, S their common covariance, shrunk by a tenth towards a
    multiple of the identity matrix: linear discriminant analysis, regularised as in Friedman (Journal of the
    American Statistical Association 84, 1989).
    """

    def __init__(self, places_K: Ints, features_KF: Features) -> None:
        self.seen_P, own_K, counts_P = np.unique(places_K, return_inverse=True, return_counts=True)
        means_PF = np.zeros((len(self.seen_P), features_KF.shape[1]))
        np.add.at(means_PF, own_K, features_KF)
        means_PF /= counts_P[:, None]
        centred_KF = features_KF - means_PF[own_K]
        covariance_FF = centred_KF.T @ centred_KF / max(len(features_KF) - len(self.seen_P), 1)
        scale = max(np.trace(covariance_FF) / len(covariance_FF), np.finfo(np.float64).eps)
        shrunk_FF = (1 - SHRINKAGE) * covariance_FF + SHRINKAGE * scale * np.eye(len(covariance_FF))
        self._weights_FP = np.linalg.solve(shrunk_FF, means_PF.T)
        self._offsets_P = np.log(counts_P / counts_P.sum()) - (means_PF * self._weights_FP.T).sum(axis=1) / 2

    def log_posteriors(self, features_TF: Features) -> Features:
        """[T, P]"""
        return np.asarray(features_TF @ self._weights_FP + self._offsets_P)
