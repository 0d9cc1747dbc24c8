"""The classifiers of the probe, fitted and compared with the best trial.

Shapes: N training images, V validation images, D features, C classes.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from platform.training.evaluation.classification import Labels, Probabilities
from reports.ensembles.concat import classify, fit_linear, too_much
from reports.findings.probe import Probe, Tried
from reports.ranking.paired_bootstrap import SAMPLE_METRICS, gain

Features = npt.NDArray[np.float32]

RIDGE_PENALTIES = (1.0, 100.0)
NEIGHBOURS = (1, 5, 20)
_MOST_ANSWERS = 20_000_000
"""Images x classes up to which least squares keep a table of answers: 160 MB."""


def compared_metric(metric: str) -> str:
    """The metric that the probe is compared by: the sweep's, if it is a kind of accuracy."""
    return metric if metric in ("val/accuracy", "val/macro_accuracy") else "val/accuracy"


def probe(
    features: str,
    learnt_ND: Features,
    labels_N: Labels,
    asked_VD: Features,
    labels_V: Labels,
    best: tuple[str, Probabilities],
    metric: str,
    notes: tuple[str, ...] = (),
) -> Probe | None:
    """Fit the classifiers to given training labels, and choose among them on validation.

    ``features``: what they are, in words; ``best``: the best trial's name and its probabilities [V, C]. None
    if there is nothing to learn: fewer than two labelled classes, or fewer than two validation images.
    """
    trial, best_VC = best
    if len(np.unique(labels_N)) < 2 or len(labels_V) < 2:
        return None
    classes, of_samples = best_VC.shape[1], SAMPLE_METRICS[metric.rpartition("/")[2]]
    mean_D, scale_D = learnt_ND.mean(0), learnt_ND.std(0)
    scale_D = np.where(scale_D > 1e-8, scale_D, 1)
    learnt_ND, asked_VD = (learnt_ND - mean_D) / scale_D, (asked_VD - mean_D) / scale_D
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's on classes of one image and singular matrices
        predicted = list(_predictions(learnt_ND, labels_N, asked_VD, classes))
    values = [float(of_samples(of_classes_VC, labels_V).mean()) for _, of_classes_VC in predicted]
    order = np.argsort([-value for value in values], kind="stable")
    difference = gain(metric, best_VC, predicted[order[0]][1], labels_V)
    assert difference is not None
    found = tuple(Tried(predicted[place][0], values[place]) for place in order)
    own = float(of_samples(best_VC, labels_V).mean())
    left_out = (
        []
        if len(predicted) == _FULL
        else ["With this many images and classes, costly classifiers were left out."]
    )
    return Probe(features, metric, found, trial, own, difference, (*notes, *left_out))


_FULL = len(RIDGE_PENALTIES) + len(NEIGHBOURS) + 1


def _predictions(
    learnt_ND: Features, labels_N: Labels, asked_VD: Features, classes: int
) -> Iterator[tuple[str, Probabilities]]:
    """The name and validation prediction [V, C] of each classifier that is affordable."""
    if too_much(learnt_ND, classes) is None:
        learnt = fit_linear(learnt_ND, labels_N, classes)
        yield "logistic regression", classify(asked_VD, **learnt)
    if len(learnt_ND) * classes <= _MOST_ANSWERS:
        for penalty in RIDGE_PENALTIES:
            fitted = RidgeClassifier(alpha=penalty).fit(learnt_ND, labels_N)
            yield f"least squares, penalty {penalty:g}", _certain(fitted.predict(asked_VD), classes)
    learnt_ND, asked_VD = _unit(learnt_ND), _unit(asked_VD)
    for neighbours in NEIGHBOURS:
        nearest = KNeighborsClassifier(min(neighbours, len(learnt_ND))).fit(learnt_ND, labels_N)
        name = "nearest neighbour" if neighbours == 1 else f"{neighbours} nearest neighbours"
        yield name, _certain(nearest.predict(asked_VD), classes)


def _certain(predicted_V: Labels, classes: int) -> Probabilities:
    """[V, C]: 1 for the predicted class."""
    return np.eye(classes, dtype=np.float32)[predicted_V]


def _unit(features: Features) -> Features:
    """Each row of unit length, so that Euclidean neighbours are those by cosine."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.where(length > 0, length, 1)).astype(np.float32)
