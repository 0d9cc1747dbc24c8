"""Imports run down only, and each heavy package has its place; read from the sources, lazy imports too."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BELOW_TRAINING = {"methods", "models", "losses", "datasets", "config"}
# What each layer may import of ours. A layer may always import itself.
ALLOWED = {
    "name": set(),  # platform/__init__.py and __main__.py: the standard module and nothing else
    "commands": {"reports", "tuning", "training", *BELOW_TRAINING},
    "reports": {"tuning", "tracking", "training", *BELOW_TRAINING},
    "tuning": {"tracking", "training", *BELOW_TRAINING},
    "tracking": {"config"},
    "training": BELOW_TRAINING,
    "methods": {"models", "losses", "datasets", "config"},
    "models": {"datasets", "config"},
    "losses": {"datasets", "config"},
    "datasets": {"config"},
    "config": set(),
}
# Who may import what others make. The longest name that fits counts: `ray.tune` before `ray`.
OWNERS = {
    "mlflow": {"tracking"},
    "optuna": {"tuning"},
    "ray": {"datasets", "tuning", "commands"},
    "ray.train": {"tuning"},
    "ray.tune": {"tuning"},
}
# Seconds to import, together more than a bad YAML or --plan may wait; never where a Section is defined.
SLOW = {"mlflow", "plotly", "ray", "sklearn", "timm", "torchmetrics", "torchvision"}


def layer_of(module: str) -> str | None:
    """The layer a dotted module name belongs to; None for what is not ours."""
    parts = module.split(".")
    if parts[0] == "reports":
        return "reports"
    if parts[0] != "platform":
        return None
    if len(parts) == 1 or parts[1] == "__main__":
        return "name"
    return parts[1] if parts[1] in ALLOWED else "commands"


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def base_of(node: ast.ImportFrom, file: Path, root: Path) -> str:
    """The absolute name of what `from … import` reads from."""
    if not node.level:
        return node.module or ""
    package = file.relative_to(root).parts[:-1]
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])


def imported_by_name(node: ast.Call) -> str | None:
    """What `import_module("x")` or `__import__("x")` names, the fixed start of an f-string included."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    if name not in ("import_module", "__import__") or not node.args:
        return None
    argument = node.args[0]
    if isinstance(argument, ast.JoinedStr) and argument.values:
        argument = argument.values[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value.rstrip(".")
    return None


def imports(file: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(node, file, root)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and (named := imported_by_name(node)):
            yield node.lineno, named


def forbidden(layer: str, imported: str) -> str | None:
    """Why a layer must not import a name; None where it may."""
    target = layer_of(imported)
    if target is not None and target not in ALLOWED[layer] | {layer, "name"}:
        return f"{layer} may not import {target}"
    owned = [name for name in OWNERS if imported == name or imported.startswith(name + ".")]
    if owned and layer not in OWNERS[max(owned, key=len)]:
        name = max(owned, key=len)
        return f"{name} belongs to {', '.join(sorted(OWNERS[name]))}"
    return None


def violations(root: Path) -> list[str]:
    found = []
    for file in sorted([*root.glob("platform/**/*.py"), *root.glob("reports/**/*.py")]):
        layer = layer_of(module_name(file, root))
        assert layer is not None
        for line, imported in imports(file, root):
            if reason := forbidden(layer, imported):
                found.append(f"{file.relative_to(root)}:{line}: imports {imported}: {reason}")
    return found


def defines_a_section(file: Path) -> bool:
    """Whether a class in the file derives from a class called Section, Config or SomethingConfig."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            bases = [
                base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                for base in node.bases
            ]
            if any(base == "Section" or base.endswith("Config") for base in bases):
                return True
    return False


def test_imports_run_down(root: Path):
    assert violations(root) == []


def test_what_a_yaml_is_checked_with_imports_fast(root: Path):
    modules = [
        module_name(file, root) for file in sorted(root.glob("platform/**/*.py")) if defines_a_section(file)
    ]
    assert modules
    script = (
        f"import importlib, sys\nfor name in {modules!r}:\n    importlib.import_module(name)\n"
        f"    slow = {SLOW!r} & set(sys.modules)\n    assert not slow, f'{{name}} imports {{slow}}'"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("file", "source", "reason"),
    [
        ("platform/config/a.py", "import platform.datasets.preparation.data", "config may not import datasets"),
        (
            "platform/config/a.py",
            "def f():\n    from platform.losses import b",
            "config may not import losses",
        ),
        ("platform/config/a.py", "from platform import datasets", "config may not import datasets"),
        ("platform/config/a.py", "from ..training import c", "config may not import training"),
        ("platform/config/a.py", "from .. import training", "config may not import training"),
        (
            "platform/methods/a.py",
            "from platform.training.loop.trainer import T",
            "methods may not import training",
        ),
        ("platform/losses/a.py", "from platform.models.build import b", "losses may not import models"),
        (
            "platform/models/a.py",
            "if TYPE_CHECKING:\n    import platform.losses.ce",
            "models may not import losses",
        ),
        ("platform/training/a.py", "from platform.tuning import t", "training may not import tuning"),
        ("platform/tracking/a.py", "from platform.datasets import d", "tracking may not import datasets"),
        ("platform/tuning/a.py", "import platform.search", "tuning may not import commands"),
        ("platform/tuning/a.py", "import reports.build.build", "tuning may not import reports"),
        ("platform/search.py", "from platform.tracking import w", "commands may not import tracking"),
        ("reports/a.py", "from platform.search import main", "reports may not import commands"),
        ("reports/a.py", "import mlflow", "mlflow belongs to tracking"),
        ("platform/tuning/a.py", "from mlflow.entities import Run", "mlflow belongs to tracking"),
        ("platform/training/a.py", "import ray", "ray belongs to commands, datasets, tuning"),
        ("platform/datasets/a.py", "def f():\n    from ray import tune", "ray.tune belongs to tuning"),
        ("platform/search.py", "import ray.train", "ray.train belongs to tuning"),
        ("platform/training/a.py", "import optuna", "optuna belongs to tuning"),
        (
            "platform/models/a.py",
            "import importlib\nimportlib.import_module(f'platform.methods.{n}')",
            "models may not import methods",
        ),
        ("platform/losses/a.py", "__import__('ray.tune')", "ray.tune belongs to tuning"),
        ("platform/__init__.py", "from platform.config.section import Section", "name may not import config"),
    ],
)
def test_a_wrong_import_is_found(file: str, source: str, reason: str, tmp_path: Path):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(f"import os\n{source}\n", encoding="utf-8")
    (found,) = violations(tmp_path)
    assert found.startswith(f"{file}:")
    assert found.endswith(reason)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "platform/search.py",
            "import platform, sys, ray\nfrom reports.build.build import b\nfrom platform.tuning import t",
        ),
        (
            "platform/tuning/a.py",
            "from ray import tune\nimport optuna\nfrom platform.tracking import w\nfrom . import b",
        ),
        ("platform/datasets/a.py", "def f():\n    import ray\nfrom platform.config.section import Section"),
        ("platform/methods/a.py", "from platform.losses.b import c\nfrom . import base\nimport raytracer"),
        ("reports/a.py", "from platform.tracking.reading.reader import r\nfrom reports.ranking.rank import s"),
        (
            "platform/methods/registry.py",
            "import importlib\nimportlib.import_module(f'platform.methods.{n}')",
        ),
        ("platform/tracking/a.py", "import platform\nimport mlflow\nplatform.system()"),
    ],
)
def test_a_right_import_is_not(file: str, source: str, tmp_path: Path):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(source + "\n", encoding="utf-8")
    assert violations(tmp_path) == []
