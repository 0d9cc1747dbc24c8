"""No modules import each other in a circle, not even inside functions."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.source_imports import imports, module_name


def circle(root: Path) -> list[str]:
    """Modules that import each other in a circle, as a path that ends where it begins; empty where none do.

    A package that finds its modules by their files' names (`import_module`) is not in a circle with them.
    """
    trees = (file for tree in ("platform", "reports") for file in root.glob(f"{tree}/**/*.py"))
    files = {module_name(file, root): file for file in trees}
    graph: dict[str, set[str]] = {}
    for module, file in files.items():
        names = {imported for _, imported in imports(file, root, by_name=False)}
        # `from a.b import c` names the module a.b.c, or c in the module a.b.
        found = {name if name in files else name.rpartition(".")[0] for name in names}
        graph[module] = {name for name in found if name in files and name != module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_nothing_imports_in_a_circle(root: Path):
    assert circle(root) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (
            {"a": "from platform.tuning.b import x", "b": "def f():\n    from platform.tuning import a"},
            {"a", "b"},
        ),
        (
            {
                "a": "import platform.tuning.b",
                "b": "from platform.tuning.c import x",
                "c": "if TYPE_CHECKING:\n    from . import a",
            },
            {"a", "b", "c"},
        ),
        ({"a": "from platform.tuning.b import x", "b": "import os"}, set()),
    ],
)
def test_a_circle_is_found(sources: dict[str, str], expected: set[str], tmp_path: Path):
    folder = tmp_path / "platform" / "tuning"
    folder.mkdir(parents=True)
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source + "\n", encoding="utf-8")
    assert {module.rpartition(".")[2] for module in circle(tmp_path)} == expected
