"""The tree in docs/development.md has a line for every folder and search space; pictures are there."""

import ast
import re
from pathlib import Path

import pytest

TREES = ("platform", "reports")
TREE = "docs/development.md"


def tree_lines(text: str) -> dict[str, str]:
    """Path -> purpose, of every line of the tree; a path's parents are told by its indentation."""
    found: dict[str, str] = {}
    parents: list[str] = []
    for line in text.split("## Files")[1].splitlines():
        match = re.fullmatch(r"    (?P<indent> *)(?P<name>\S+) +(?P<purpose>\S.*)", line)
        if match is None or len(match["indent"]) % 4 or len(match["indent"]) // 4 > len(parents):
            continue
        parents = [*parents[: len(match["indent"]) // 4], match["name"].rstrip("/")]
        found["/".join(parents)] = match["purpose"]
    return found


def purpose_of(package: Path) -> str:
    """The first line of the docstring of its ``__init__.py``, as plain text without its full stop."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".").replace("``", "")


def packages(root: Path) -> list[str]:
    """Every package below platform/ and reports/, and reports/ itself; platform/ is the standard module."""
    files = sorted(file for tree in TREES for file in (root / tree).rglob("__init__.py"))
    return [str(path) for file in files if str(path := file.parent.relative_to(root)) != "platform"]


def differences(root: Path) -> list[str]:
    """What the tree says and the folders do not, and the other way round."""
    lines = tree_lines((root / TREE).read_text(encoding="utf-8"))
    there = packages(root)
    wrong = [f"{path}: the tree has no line for it" for path in there if path not in lines]
    wrong += [
        f"{path}: the tree says {lines[path]!r}, its docstring {purpose_of(root / path)!r}"
        for path in there
        if path in lines and lines[path] != purpose_of(root / path)
    ]
    wrong += [f"{path}: is in the tree only" for path in lines if not (root / path).exists()]
    return wrong


def test_the_tree_has_a_line_for_every_folder(root: Path):
    assert len(packages(root)) > 40
    assert differences(root) == []


def test_the_tree_has_a_line_for_every_search_space(root: Path):
    lines = tree_lines((root / TREE).read_text(encoding="utf-8"))
    spaces = {f"search_spaces/{file.name}" for file in (root / "search_spaces").glob("*.yaml")}
    assert spaces - lines.keys() == set()


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ("    reports/   A report", "platform/tuning: the tree has no line for it"),
        ("    reports/   A report\n    platform/  x\n        tuning/  Tunes\n        gone/  y", "only"),
        ("    reports/   Other\n    platform/  x\n        tuning/  Tunes", "its docstring 'A report'"),
        # A line of this name elsewhere in the tree does not stand for it.
        ("    reports/   A report\n        tuning/  Tunes\n    platform/  x", "no line for it"),
    ],
)
def test_what_is_wrong_in_a_tree_is_found(tree: str, reason: str, tmp_path: Path):
    for package, docstring in (("platform/tuning", "Tunes"), ("reports", "A report")):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text(f'"""{docstring}."""\n', encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / TREE).write_text(f"## Files\n\n{tree}\n", encoding="utf-8")
    assert any(reason in one for one in differences(tmp_path))


def test_the_pictures_are_there(root: Path):
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    pictures = {
        page.parent / picture
        for page in pages
        for picture in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    assert root / "docs" / "report.png" in pictures
    assert all(picture.is_file() for picture in pictures)
