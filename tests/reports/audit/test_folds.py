"""Folds: each image is in one, of each class as many in each, whatever the order on disk."""

import numpy as np

from reports.audit.folds import folds_of


def test_classes_are_dealt_out_evenly():
    labels = np.repeat([0, 1, 2], [40, 20, 7])
    folds = folds_of(labels, 4, seed=0)
    for label in range(3):
        counts = np.bincount(folds[labels == label], minlength=4)
        assert counts.max() - counts.min() <= 1
    assert np.array_equal(folds, folds_of(labels, 4, seed=0))
    assert not np.array_equal(folds, folds_of(labels, 4, seed=1))
