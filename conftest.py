"""Makes ``platform.search`` and its siblings importable where the standard module was loaded first.

Bare ``pytest``, notebooks and debuggers import the standard library's ``platform`` before this folder is
on ``sys.path``. Pytest reads this file by itself; elsewhere ``import conftest`` first. See CONTRIBUTING.md,
"The name".
"""

import importlib
import os
import sys

import platform

ROOT = os.path.dirname(os.path.abspath(__file__))

if not hasattr(platform, "__path__"):
    sys.path.insert(0, ROOT)
    # The same module object, so everybody who holds it is served: runs our __init__.py in its namespace.
    importlib.reload(platform)
