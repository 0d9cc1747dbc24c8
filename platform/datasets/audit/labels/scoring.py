"""The scores of labels, and their combination learnt from planted errors: arrays in, arrays out.

Shapes: R labelled images, P planted errors, D dimensions, K neighbours, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints
from platform.datasets.audit.labels.alignment import fine_alignment, prototype_margin
from platform.datasets.audit.labels.confidence import SparseProbabilities, self_confidence
from platform.datasets.audit.labels.evidence import FoldEvidence
from platform.datasets.audit.labels.neighbours import Neighbours
from platform.datasets.audit.labels.probability.calibration import Doubt
from platform.datasets.audit.labels.probability.combination import Combination, learn
from platform.datasets.audit.labels.probability.planted import (
    Knowledge,
    Planted,
    copies_of,
    plant,
    ranks_of_errors,
)
from platform.datasets.audit.labels.probe import Judged, judge
from platform.datasets.audit.labels.votes import NoiseModel, fit_noise, vote_shares

Floats = npt.NDArray[np.float64]
Scores = Mapping[str, Floats]

SCORES: Final = ("margin", "self_confidence", "neighbours", "fine", "prototype")
"""Columns of ``label_scores.parquet``; in each, higher is more suspect."""


@dataclass(frozen=True)
class Labels:
    """The labelled images: ``embeddings_RD``, ``labels_R`` in 0 … ``classes`` - 1, and their neighbours."""

    embeddings_RD: npt.NDArray[np.floating]
    labels_R: Ints
    classes: int
    neighbours: Neighbours


@dataclass(frozen=True)
class Scored:
    """``scores``: of the given labels; ``combined_R``: of them, higher is more suspect; ``planted_P``: of
    the planted ones.

    ``lookalike_P``: which planted errors are of a look-alike class. ``suggested_R``: the most likely other
    class. ``disagrees_R``: whether the prediction is another class than the label, the surest image first.
    ``noise``: the model of the neighbours' labels.
    """

    scores: Scores
    combined_R: Floats
    planted_P: Floats
    lookalike_P: npt.NDArray[np.bool_]
    suggested_R: Ints
    disagrees_R: npt.NDArray[np.bool_]
    combination: Combination
    noise: NoiseModel


def score(labels: Labels, folds: FoldEvidence | None = None) -> Scored:
    """Score the labels; weights come from planted errors, those of ``folds`` or our own.

    Without folds, predictions and margins are those of a softmax regression on the embeddings.
    """
    noise = fit_noise(labels.labels_R, labels.neighbours.places_NK, labels.classes)
    if folds is None:
        judged = judge(labels.embeddings_RD, labels.labels_R, labels.classes)
        scores = scores_of(labels, labels.labels_R, judged)
        of_planted, lookalike_P = _planted_and_judged(labels, noise, judged.probabilities)
    else:
        judged = Judged(folds.probabilities, _margins_of_given(folds, labels.labels_R))
        scores = scores_of(labels, labels.labels_R, judged, folds.known_R)
        of_planted = _of_planted(labels, folds.planted, Judged(folds.probabilities, folds.margins_R))
        lookalike_P = folds.planted.lookalike_P
    disagrees_R = _disagrees(labels.labels_R, judged.probabilities, None if folds is None else folds.known_R)
    combination = learn(of_planted, scores, Doubt.of(disagrees_R).rate)
    return Scored(
        scores,
        combination.of(scores),
        combination.of(of_planted),
        lookalike_P,
        suggested(labels, judged.probabilities, noise),
        disagrees_R,
        combination,
        noise,
    )


def _planted_and_judged(
    labels: Labels, noise: NoiseModel, probabilities: SparseProbabilities
) -> tuple[Scores, npt.NDArray[np.bool_]]:
    """The scores of planted errors, which our own model learnt as labels, and which are look-alikes."""
    parts: list[Scores] = []
    kinds: list[npt.NDArray[np.bool_]] = []
    for copy in range(copies_of(len(labels.labels_R))):
        planted = choose_planted(labels, noise, probabilities, seed=copy)
        judged = judge(labels.embeddings_RD, planted.labels_N, labels.classes)
        parts.append(_of_planted(labels, planted, judged))
        kinds.append(planted.lookalike_P)
    return {name: np.concatenate([part[name] for part in parts]) for name in SCORES}, np.concatenate(kinds)


def _of_planted(labels: Labels, planted: Planted, judged: Judged) -> Scores:
    """[P] of each score."""
    scores = scores_of(labels, planted.labels_N, judged)
    return {name: values_R[planted.rows_P] for name, values_R in scores.items()}


def choose_planted(
    labels: Labels, noise: NoiseModel, probabilities: SparseProbabilities, seed: int = 0
) -> Planted:
    """Plant errors where the neighbours and the prediction agree with the label.

    Where both agree on another class, most labels are wrong: how likely a class these labels are shows how
    far from the true class errors lie, and the planted ones are laid so, too.
    """
    best_R = noise.candidates_NJ[np.arange(len(labels.labels_R)), noise.posterior_NJ.argmax(axis=1)]
    predicted_R = probabilities.classes_NK[:, 0].astype(np.int64)
    agrees_R = best_R == predicted_R
    ease_R = probabilities.values_NK[:, 0].astype(np.float64)
    is_wrong_R = agrees_R & (predicted_R != labels.labels_R) & (ease_R >= np.median(ease_R))
    of_wrong = probabilities.rows(np.flatnonzero(is_wrong_R))
    known = Knowledge(
        is_clean_N=agrees_R & (predicted_R == labels.labels_R),
        others_NK=probabilities.others(labels.labels_R),
        ease_N=ease_R,
        ranks_J=ranks_of_errors(
            of_wrong.others(predicted_R[is_wrong_R]), labels.labels_R[is_wrong_R], labels.classes
        ),
    )
    return plant(labels.labels_R, known, labels.classes, seed)


def scores_of(
    labels: Labels, asked_R: Ints, judged: Judged, known_R: npt.NDArray[np.bool_] | None = None
) -> Scores:
    """All scores of the labels ``asked_R``, which may hold planted errors."""
    confidence_R = self_confidence(judged.probabilities, asked_R)
    unknown_R = np.zeros(len(asked_R), dtype=np.bool_) if known_R is None else ~known_R
    return {
        "margin": -judged.margins_N,
        "self_confidence": np.where(unknown_R, np.nan, 1 - confidence_R),
        "neighbours": 1 - vote_shares(asked_R, asked_R, labels.neighbours.places_NK),
        "fine": 1 - fine_alignment(labels.embeddings_RD, asked_R, labels.classes),
        "prototype": -prototype_margin(labels.embeddings_RD, asked_R, labels.classes),
    }


def suggested(labels: Labels, probabilities: SparseProbabilities, noise: NoiseModel) -> Ints:
    """[R] the other class with the highest sum of the predicted probability and the neighbours' posterior."""
    others = [probabilities.best_other(labels.labels_R)[0], _best_other(noise, labels.labels_R)]
    sums = [np.where(one >= 0, probabilities.of_labels(one) + noise.of(one), -1.0) for one in others]
    return np.where(sums[0] >= sums[1], others[0], others[1])


def _disagrees(
    labels_R: Ints, probabilities: SparseProbabilities, known_R: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_]:
    """Of the predicted images, the surest first."""
    order = np.argsort(-probabilities.values_NK[:, 0], kind="stable")
    if known_R is not None:
        order = order[known_R[order]]
    disagrees: npt.NDArray[np.bool_] = probabilities.classes_NK[order, 0] != labels_R[order]
    return disagrees


def _best_other(noise: NoiseModel, labels_R: Ints) -> Ints:
    """[R] the class besides the label that the neighbours make likeliest; -1 where they know no other."""
    posterior_RJ = np.where(noise.candidates_NJ == labels_R[:, None], -1, noise.posterior_NJ)
    place_R = posterior_RJ.argmax(axis=1)
    rows_R = np.arange(len(labels_R))
    found_R = noise.candidates_NJ[rows_R, place_R].astype(np.int64)
    return np.where(posterior_RJ[rows_R, place_R] > 0, found_R, -1)


def _margins_of_given(folds: FoldEvidence, labels_R: Ints) -> Floats:
    """The margins of the given labels: unknown where another one was learnt."""
    return np.where(folds.planted.labels_N == labels_R, folds.margins_R, np.nan)
