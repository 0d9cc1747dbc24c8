"""Votes of neighbours, and the noise matrix that they tell."""

import numpy as np
import pytest

from platform.datasets.audit.labels.neighbours import nearest
from platform.datasets.audit.labels.votes import fit_noise, vote_shares


def test_the_share_of_neighbours_with_the_label():
    places = np.array([[1, 2], [0, 2], [1, -1], [-1, -1]], dtype=np.int32)
    labels = np.array([0, 0, 1, 1])
    assert vote_shares(labels, labels, places).tolist() == [0.5, 0.5, 0.0, 0.5]


def test_the_noise_matrix_is_that_with_which_labels_were_drawn():
    random = np.random.default_rng(0)
    noise = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    clean = random.integers(0, 3, 6000)
    labels = np.array([random.choice(3, p=noise[one]) for one in clean])
    # neighbours are drawn from the image's true class, as the model says
    members = [np.flatnonzero(clean == one) for one in range(3)]
    places = np.stack([random.choice(members[one], 10) for one in clean]).astype(np.int32)
    model = fit_noise(labels, places, 3)
    assert model.given_CC == pytest.approx(noise, abs=0.03)
    assert model.shares_C == pytest.approx(np.bincount(clean) / len(clean), abs=0.03)
    best = model.candidates_NJ[np.arange(6000), model.posterior_NJ.argmax(axis=1)]
    assert (best == clean).mean() > 0.97


def test_the_posterior_rests_on_the_neighbours_alone(digits):
    places = nearest(digits.embeddings_ND, 10).places_NK
    model = fit_noise(digits.labels_N, places, 10)
    assert model.of(digits.labels_N)[digits.wrong_N].mean() < 0.1
    assert model.of(digits.clean_N)[digits.wrong_N].mean() > 0.9
    assert model.posterior_NJ.sum(axis=1) == pytest.approx(np.ones(len(places)), abs=1e-4)
