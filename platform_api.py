"""``import platform_api as api``: :mod:`platform.api`, wherever the standard ``platform`` is loaded already.

Notebooks, debuggers, bare pytest and torch import the standard library's module before this checkout is on
``sys.path``. This module gives the loaded one our package's path, and then stands for :mod:`platform.api`.
"""

import importlib
import sys
from pathlib import Path

import platform

ROOT = str(Path(__file__).resolve().parent)

if not hasattr(platform, "__path__"):
    # First, so that processes which are started later find our package, and reports, too.
    sys.path.insert(0, ROOT)
    # The same module object, so that everybody who holds it is served: our __init__.py runs in its namespace.
    importlib.reload(platform)

sys.modules[__name__] = importlib.import_module("platform.api")
