"""What OpenMP reads from the environment before torch is imported."""

import pytest

from platform.config.openmp import sleep_while_waiting


@pytest.mark.parametrize(("set_by_user", "expected"), [(None, "passive"), ("active", "active")])
def test_threads_sleep_unless_the_user_says_otherwise(set_by_user, expected, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if set_by_user:
        monkeypatch.setenv("OMP_WAIT_POLICY", set_by_user)
    assert sleep_while_waiting() == {"OMP_WAIT_POLICY": expected}
    assert sleep_while_waiting() == {"OMP_WAIT_POLICY": expected}, "for the processes that this one starts"
