"""The fixtures of tests/datasets/audits.py."""

from tests.datasets.audits import make_audit, write_policy

__all__ = ["make_audit", "write_policy"]
