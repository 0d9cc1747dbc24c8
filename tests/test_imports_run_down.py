"""Imports run down only, and each heavy package has its place.

Read from the sources, imports inside functions and for type checkers too.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_imports import imports, module_name

BELOW_TRAINING = {"methods", "models", "losses", "datasets", "storage", "config"}
# What each layer may import of ours. A layer may always import itself.
ALLOWED = {
    "name": set(),  # platform/__init__.py and __main__.py: the standard module and nothing else
    "commands": {"nights", "rounds", "reports", "tuning", "training", *BELOW_TRAINING},
    "nights": {"reports", "tuning", "tracking", "training", *BELOW_TRAINING},
    "rounds": {"reports", "tuning", "tracking", "training", *BELOW_TRAINING},
    "reports": {"tuning", "tracking", "training", *BELOW_TRAINING},
    "tuning": {"tracking", "training", *BELOW_TRAINING},
    "tracking": {"storage", "config"},
    "training": BELOW_TRAINING,
    "methods": {"models", "losses", "datasets", "config"},
    "models": {"datasets", "config"},
    "losses": {"datasets", "config"},
    "datasets": {"storage", "config"},
    "storage": {"config"},
    "config": set(),
}
# The rooms of each layer, lowest first: a room may import itself and those before it. "" is the layer's own
# modules. Heads of models use those and `build` uses heads: there the test of circles is the only bound.
ROOMS = {
    "datasets": (
        "",
        "sources",
        "tables",
        "images",
        "readers",
        *("augmentation", "preparation", "batches", "preview", "look"),
        "audit",
        *map(
            "audit.{}".format, ("scan", "copies.comparing", "copies", "labels.probability", "labels", "page")
        ),
        *("cleaning", "splitting", "searching"),
        "review",
    ),
    "losses": ("", "long_tail"),
    "training": ("", "optimisation", "trial", "evaluation", "checkpoints", "loop"),
    "tracking": ("", "writing", "reading"),
    "tuning": (
        "",
        "folder",
        "settings",
        "space",
        "cluster",
        "trial",
        "samplers",
        "search",
        "stopping",
        "watching",
        "resume",
        "run",
    ),
    "nights": (
        *("", "ledger", "plan", "verdicts", "telling.channels", "telling"),
        *("page", "running", "review", "install"),
    ),
    "rounds": ("ledger", "plan", "data", "measuring", "page", "running", ""),
    "reports": (
        "ranking",
        "findings",
        "ensembles.rules",
        "ensembles",
        "sweeps",
        "evaluation",
        "evaluation.views",
        "audit",
        "page",
        "build",
        "deploy",
        "",
    ),
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


def room_of(module: str) -> tuple[str, str] | None:
    """The layer and the room of a dotted module name; None where its layer has no rooms."""
    layer = layer_of(module)
    if layer not in ROOMS:
        return None
    inside = module.removeprefix("platform.").removeprefix(layer).removeprefix(".")
    fitting = [room for room in ROOMS[layer] if room == "" or f"{inside}.".startswith(f"{room}.")]
    return layer, max(fitting, key=len)


def forbidden(module: str, imported: str) -> str | None:
    """Why a module must not import a name; None where it may."""
    layer, target = layer_of(module), layer_of(imported)
    assert layer is not None
    if target is not None and target not in ALLOWED[layer] | {layer, "name"}:
        return f"{layer} may not import {target}"
    room, other = room_of(module), room_of(imported)
    if room and other and room[0] == other[0] and "." in imported.removeprefix("platform."):
        order = ROOMS[layer]
        if order.index(other[1]) > order.index(room[1]):
            below, above = (f"{layer}.{one[1]}" if one[1] else f"{layer} itself" for one in (room, other))
            return f"{below} may not import {above}, which is above it"
    owned = [name for name in OWNERS if imported == name or imported.startswith(name + ".")]
    if owned and layer not in OWNERS[max(owned, key=len)]:
        name = max(owned, key=len)
        return f"{name} belongs to {', '.join(sorted(OWNERS[name]))}"
    return None


def violations(root: Path) -> list[str]:
    found = []
    for file in sorted([*root.glob("platform/**/*.py"), *root.glob("reports/**/*.py")]):
        module = module_name(file, root)
        for line, imported in imports(file, root):
            if reason := forbidden(module, imported):
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


def test_every_room_has_its_place_in_the_order(root: Path):
    for layer, order in ROOMS.items():
        folder = root / "reports" if layer == "reports" else root / "platform" / layer
        there = {".".join(file.parent.relative_to(folder).parts) for file in folder.rglob("__init__.py")}
        assert there == set(order), layer


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
        ("platform/config/a.py", "import platform.datasets.data", "config may not import datasets"),
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
            "from platform.training.trainer import T",
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
        ("platform/tuning/a.py", "import reports.build", "tuning may not import reports"),
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
        ("platform/storage/a.py", "from platform.datasets import d", "storage may not import datasets"),
        (
            "platform/tuning/a.py",
            "from platform.tuning.run.sweep import s",
            "tuning itself may not import tuning.run, which is above it",
        ),
        (
            "platform/tuning/space/a.py",
            "def f():\n    from ..search import b",
            "tuning.space may not import tuning.search, which is above it",
        ),
        (
            "reports/evaluation/a.py",
            "from reports.evaluation.views import b",
            "reports.evaluation may not import reports.evaluation.views, which is above it",
        ),
        (
            "reports/build/a.py",
            "import reports.__main__",
            "reports.build may not import reports itself, which is above it",
        ),
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
            "import platform, sys, ray\nfrom reports.build import b\nfrom platform.tuning import t",
        ),
        (
            "platform/tuning/a.py",
            "from ray import tune\nimport optuna\nfrom platform.tracking import w\nfrom . import b",
        ),
        ("platform/datasets/a.py", "def f():\n    import ray\nfrom platform.config.section import Section"),
        ("platform/methods/a.py", "from platform.losses.b import c\nfrom . import base\nimport raytracer"),
        ("reports/a.py", "from platform.tracking.reader import r\nfrom reports.rank import s"),
        (
            "platform/tuning/run/a.py",
            "from platform.tuning.goals import g\nfrom ..space import s\nfrom . import b",
        ),
        ("reports/ensembles/a.py", "from reports.ensembles.rules import greedy"),
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
