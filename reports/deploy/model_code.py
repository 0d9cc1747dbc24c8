"""Copies the code that a shipped model needs into a package.

Our package ``platform`` is named like a standard module that a server has already imported. So the modules
that a model needs are copied into a package with another name, and their imports are rewritten.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "sweep_winner"
"""The package's name; the modules lie in it as they do here."""
_OURS = ("platform", "reports")
_IMPORT = re.compile(rf"^(\s*)from ({'|'.join(_OURS)})\.", re.MULTILINE)


def write_package(module: str, folder: Path) -> str:
    """Write ``module``, and all modules of ours that it imports, into ``folder``; return its name there."""
    for file in sorted(_needed(module)):
        place = folder / PACKAGE / file.relative_to(ROOT)
        for package in place.relative_to(folder).parents:
            (folder / package).mkdir(parents=True, exist_ok=True)
            if package != Path():
                (folder / package / "__init__.py").touch()
        text = file.read_text(encoding="utf-8")
        place.write_text(_IMPORT.sub(rf"\1from {PACKAGE}.\2.", text), encoding="utf-8")
    return f"{PACKAGE}.{module}"


def _needed(module: str) -> set[Path]:
    found: set[Path] = set()
    left = _files(module)
    while left:
        file = left.pop()
        if file not in found:
            found.add(file)
            left += [one for name in _imported(file) for one in _files(name)]
    return found


def _files(module: str) -> list[Path]:
    """The module's file; all files of a package, as rules are found by listing them."""
    path = ROOT.joinpath(*module.split("."))
    return list(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _imported(file: Path) -> list[str]:
    """Our modules that the file imports with ``from … import``, the only form that this project uses."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    named = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return [name for name in named if name.split(".")[0] in _OURS]
