"""Accuracy on leaked test images against the others."""

import numpy as np
import pandas as pd
import pytest

from platform.datasets.audit.copies.leak_accuracy import Share, leak_accuracy


def tables(leaked: int, others: int, leaked_right: int, others_right: int):
    paths = [f"test/{place:03d}" for place in range(leaked + others)]
    images = pd.DataFrame({"path": [*paths, "train/0"], "split": ["test"] * len(paths) + ["train"]})
    issues = pd.DataFrame(
        {"path": [*paths[:leaked], "train/0", paths[-1]], "kind": ["leak"] * (leaked + 1) + ["dark"]}
    )
    right = [place < leaked_right for place in range(leaked)]
    right += [place < others_right for place in range(others)]
    predictions = pd.DataFrame({"path": [*paths, "train/0"], "correct": [*right, True]})
    return issues, images, predictions


def test_leaked_images_are_compared_with_the_others():
    found = leak_accuracy(*tables(20, 80, 20, 60))
    assert (found.leaked.images, found.leaked.right, found.others.images, found.others.right) == (
        20,
        20,
        80,
        60,
    )
    assert found.difference == pytest.approx(0.25)
    # Newcombe's method 10 of 20/20 and 60/80, with Wilson's limits computed by hand
    assert (found.leaked.low, found.leaked.high) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert (found.others.low, found.others.high) == pytest.approx((0.6452, 0.8317), abs=3e-3)
    assert found.low == pytest.approx(0.25 - (0.1611**2 + (found.others.high - 0.75) ** 2) ** 0.5, abs=1e-3)
    assert found.high == pytest.approx(0.25 + 0.75 - found.others.low, abs=1e-3)
    assert found.in_words().startswith(
        "accuracy on 20 leaked test images 100.0%, on the 80 others 75.0%: +25.0% (95 % interval +"
    )


def test_without_leaks_there_is_nothing_to_compare():
    found = leak_accuracy(*tables(0, 5, 0, 3))
    assert (
        found.in_words() == "no test image with a prediction has a copy in train or val: nothing to compare"
    )
    assert (found.low, found.high) == (-1.0, 1.0)


def test_a_share_of_none_says_nothing():
    assert Share.of(np.zeros(0, dtype=bool)) == Share(0, 0, 0.0, 1.0)
