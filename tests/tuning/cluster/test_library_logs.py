"""The environment variables that Ray and Tune read."""

import os

from platform.tuning.cluster.library_logs import library_defaults


def test_tune_has_its_own_defaults_again_afterwards(monkeypatch):
    monkeypatch.delenv("TUNE_GLOBAL_CHECKPOINT_S", raising=False)
    monkeypatch.setenv("RAY_AIR_NEW_OUTPUT", "1")
    before = dict(os.environ)
    with library_defaults():
        assert os.environ["TUNE_GLOBAL_CHECKPOINT_S"] == "1000000"
        assert os.environ["RAY_AIR_NEW_OUTPUT"] == "1", "what you set yourself holds"
    assert dict(os.environ) == before
