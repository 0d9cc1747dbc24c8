import numpy as np
import pytest

from platform.datasets.errors import DataError
from platform.datasets.preparation.imbalance import long_tail_counts, subsample


def test_counts_of_long_tailed_cifar10():
    """Imbalance 100 of 10 classes of 5,000: the counts that the papers print (rounded, not cut off)."""
    counts = long_tail_counts(np.full(10, 5000), 100)
    expected = [5000, 2997, 1796, 1077, 646, 387, 232, 139, 83, 50]
    assert abs(counts - expected).max() <= 1
    assert counts[0] / counts[-1] == 100


@pytest.mark.parametrize("available", [[120, 130, 90, 200], [1000, 100, 1000, 1000], [50, 500, 500, 500]])
def test_an_uneven_source_gets_the_same_profile_within_what_there_is(available):
    counts = long_tail_counts(np.array(available), 8)
    assert (counts <= available).all()
    assert counts[0] / counts[-1] == pytest.approx(8, rel=0.15)
    assert np.diff(counts).max() < 0


def test_too_few_images_for_the_profile():
    with pytest.raises(DataError, match=r"data\.imbalance: 50 .* largest possible value is 30"):
        long_tail_counts(np.array([30, 30]), 50)


def test_rows_are_drawn_from_the_whole_class_and_stay_in_order():
    labels = np.tile([0, 1], 100)
    kept = subsample(labels, 2, 10, np.random.default_rng(0))
    assert np.bincount(labels[kept]).tolist() == [100, 10]
    assert (np.diff(kept) > 0).all()
    assert kept[labels[kept] == 1].max() > 100
