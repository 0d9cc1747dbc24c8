"""A machine that is too busy to start Ray in the 30 s that Ray gives it; none can be made so on purpose."""

import pytest
import ray

from platform.config.errors import UserError
from platform.tuning.cluster.join import TRIES, _start_here

SLOW = "The current node timed out during startup. This could happen because some of the raylet failed"


@pytest.fixture
def starts(monkeypatch):
    """``starts(SLOW, None)``: what each start ends with; returns the list of those that are left."""

    def make(*ends):
        left = list(ends)

        def init(**options):
            if (error := left.pop(0)) is not None:
                raise error

        monkeypatch.setattr(ray, "init", init)
        return left

    return make


def test_it_is_tried_again(starts):
    left = starts(Exception(SLOW), None, None)
    _start_here("folder")
    assert left == [None]


def test_after_some_tries_it_is_one_line(starts):
    starts(*[Exception(SLOW)] * TRIES)
    with pytest.raises(UserError, match="Ray did not start here in 3 tries of 30 s"):
        _start_here("folder")


def test_another_error_is_not_tried_again(starts):
    left = starts(ValueError("no such option"), None)
    with pytest.raises(ValueError, match="no such option"):
        _start_here("folder")
    assert left == [None]
