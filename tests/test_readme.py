"""The README's tree has a line for every file, and its picture is there."""

import re
from pathlib import Path


def test_the_tree_names_every_file(root: Path):
    text = (root / "README.md").read_text(encoding="utf-8")
    tree = text.split("## Files")[1]
    for folder in ("platform", "reports", "search_spaces"):
        for file in sorted((root / folder).rglob("*")):
            is_empty = file.name == "__init__.py" and not file.read_text()
            if file.is_file() and "__pycache__" not in file.parts and not is_empty:
                assert re.search(rf"^\s+{re.escape(file.name)}\s", tree, re.MULTILINE), file


def test_the_pictures_are_there(root: Path):
    text = (root / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    assert all((root / picture).is_file() for picture in pictures)
