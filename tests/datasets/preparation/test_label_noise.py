import numpy as np
import pytest

from platform.datasets.data_config import AsymmetricNoise, SymmetricNoise
from platform.datasets.errors import DataError
from platform.datasets.preparation.label_noise import asymmetric, symmetric


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.55, 1.0])
def test_symmetric_noise_changes_exactly_its_share_of_all_and_of_each_class(rate):
    counts = [300, 80, 7, 1, 1, 1]
    labels = np.repeat(np.arange(6), counts)
    noisy = symmetric(labels, 6, SymmetricNoise(kind="symmetric", rate=rate), np.random.default_rng(0))
    changed = noisy != labels
    assert changed.sum() == np.floor(rate * len(labels) + 0.5)
    for label, count in enumerate(counts):
        assert abs(changed[labels == label].sum() - rate * count) <= 1
    assert noisy.min() >= 0
    assert noisy.max() < 6


def test_symmetric_noise_takes_every_other_class_as_often():
    labels = np.full(50_000, 2)
    noisy = symmetric(labels, 5, SymmetricNoise(kind="symmetric", rate=0.8), np.random.default_rng(1))
    counts = np.bincount(noisy, minlength=5)
    assert counts[2] == 10_000
    assert (abs(counts[[0, 1, 3, 4]] - 10_000) < 500).all()  # five standard deviations


def test_asymmetric_noise_follows_the_class_map_only():
    labels = np.repeat(np.arange(4), 100)
    noise = AsymmetricNoise(kind="asymmetric", rate=0.3, class_map={"b": "d", "d": "a"})
    noisy = asymmetric(labels, ("a", "b", "c", "d"), noise, np.random.default_rng(0))
    moves = {(old, new): count for (old, new), count in zip(*_moves(labels, noisy), strict=True)}
    assert moves == {(1, 3): 30, (3, 0): 30}


def test_a_class_map_with_an_unknown_class_names_the_nearest():
    noise = AsymmetricNoise(kind="asymmetric", rate=0.3, class_map={"cat": "dogg"})
    with pytest.raises(DataError, match="no class 'dogg'; did you mean 'dog'"):
        asymmetric(np.array([0, 1]), ("cat", "dog"), noise, np.random.default_rng(0))


def _moves(labels, noisy):
    changed = labels != noisy
    pairs, counts = np.unique(np.stack([labels, noisy])[:, changed], axis=1, return_counts=True)
    return [tuple(pair) for pair in pairs.T.tolist()], counts.tolist()
