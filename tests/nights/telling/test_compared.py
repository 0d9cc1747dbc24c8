"""A comparison in words: as many digits as its interval is worth."""

import pytest

from platform.nights.telling.figures import compared
from tests.nights.made_nights import comparison


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (comparison("worse", (0.86,)), "0.91 → 0.86, −0.05 (95% −0.07 to −0.03)"),
        (comparison("same", (0.9102,), half=0.004), "0.910 → 0.910, 0.000 (95% −0.004 to +0.004)"),
        (comparison("same", (0.9099,)), "0.91 → 0.91, 0.00 (95% −0.02 to +0.02)"),
        (comparison("better", (2.5,), 2.0, half=0.3), "2.00 → 2.50, +0.50 (95% +0.20 to +0.80)"),
        (comparison("same", (0.91,), is_identical=True), "0.9100, seed by seed as in an earlier night"),
        (comparison(None, (0.91,), None), "0.9100"),
        (comparison("same", (0.9,), 0.9, half=0.0), "0.9000 → 0.9000, 0.0000 (95% 0.0000 to 0.0000)"),
    ],
)
def test_figures_have_the_digits_that_count(made, words):
    assert compared(made) == f"canary val/accuracy {words}"
