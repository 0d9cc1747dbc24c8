"""Joining a Ray cluster that is not there."""

import socket
import time

import pytest

from platform.config.errors import UserError
from platform.tuning.cluster.join import join
from platform.tuning.settings.sweep_config import ResourcesConfig


@pytest.fixture
def nobody():
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://localhost:{}"])
def test_an_address_at_which_nobody_answers_is_refused_at_once(address, nobody):
    started = time.monotonic()
    with pytest.raises(UserError, match=f"^no Ray cluster answers at {address.format(nobody)}: .*refused"):
        join(address.format(nobody), ResourcesConfig(), trials=1)
    assert time.monotonic() - started < 10, "Ray by itself tries for minutes"


def test_an_address_that_is_none_is_refused_in_a_line():
    with pytest.raises(UserError, match="^cannot join the Ray cluster at nonsense: Invalid address format"):
        join("nonsense", ResourcesConfig(), trials=1)
