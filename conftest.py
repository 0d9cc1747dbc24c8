"""Bare ``pytest`` loads the standard ``platform`` before this folder is on ``sys.path``: see platform_api."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import platform_api  # noqa: F401
