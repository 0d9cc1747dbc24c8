"""Joining a Ray cluster that is not there."""

import socket
import time

import pytest

from platform.config.errors import UserError
from platform.tuning.cluster.join import join, leave
from platform.tuning.cluster.private_ray import private_folder
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


LONG = "/" + "x" * 60


def test_a_ray_folder_that_is_too_long_is_refused_in_a_line(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", LONG)
    private_folder.cache_clear()
    with pytest.raises(UserError, match=f"^RAY_TMPDIR: {LONG} is too long for Ray.*has 26 bytes at most$"):
        join(None, ResourcesConfig(), trials=1)


@pytest.mark.sweep
def test_ray_starts_with_a_long_temporary_folder(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(long))
    private_folder.cache_clear()
    try:
        assert join(None, ResourcesConfig(), trials=1).workers == 1
    finally:
        leave()
