"""The rules of the house that a program can check (docs/development.md, "Rules")."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LINES_A_FILE = 300
LINES_A_FUNCTION = 60  # the aim is 40
MODULES_A_FOLDER = 14
ONE_CHOICE_A_FILE = {"platform/methods", "platform/losses"}
"""Folders with one method, or one paper's losses, a file: a reader looks one up by its name."""
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
PATH_OF_ONE_MACHINE = re.compile(r"(?:^|[^\w.])/(?:" + "|".join(["home", "root", "work", "Users"]) + r")/\w")
TEXT = {
    ".cfg",
    ".csv",
    ".html",
    ".ini",
    ".j2",
    ".json",
    ".lock",
    ".md",
    ".py",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


def python_files(root: Path) -> list[Path]:
    folders = ("platform", "reports", "tests")
    return [
        *root.glob("*.py"),
        *(file for folder in folders for file in sorted(root.glob(f"{folder}/**/*.py"))),
    ]


def project_files(root: Path) -> Iterator[Path]:
    """Every text file of the project; not what commands and tools have written beside it."""
    for file in sorted(root.iterdir()):
        if file.is_file() and (
            file.suffix in TEXT or file.name in ("Makefile", ".gitignore", ".gitattributes")
        ):
            yield file
    for folder in ("platform", "reports", "search_spaces", "tests", ".ci"):
        for file in sorted((root / folder).rglob("*")):
            if file.is_file() and (file.suffix in TEXT or file.parent.name == ".ci"):
                yield file


def imported_packages(file: Path) -> Iterator[str]:
    """The first part of every absolute import's name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines of every function of a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{file.name}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def locked_packages(lock: str) -> dict[str, list[str]]:
    """The requirement lines of the lock file, each with the hashes that follow it."""
    packages: dict[str, list[str]] = {}
    for line in lock.splitlines():
        if line and not line.startswith(("#", " ")):
            packages[line.removesuffix(" \\")] = []
        elif "--hash=" in line:
            packages[list(packages)[-1]].append(line.strip().removesuffix(" \\"))
    return packages


def test_files_are_short(root: Path):
    lengths = {
        str(file.relative_to(root)): len(file.read_text(encoding="utf-8").splitlines())
        for file in python_files(root)
    }
    assert {file: lines for file, lines in lengths.items() if lines > LINES_A_FILE} == {}


def test_functions_are_short(root: Path):
    lengths = dict(function for file in python_files(root) for function in functions(file))
    assert len(lengths) > 20
    assert {name: lines for name, lines in lengths.items() if lines > LINES_A_FUNCTION} == {}


def test_folders_are_small(root: Path):
    counts = Counter(
        str(file.parent.relative_to(root))
        for folder in ("platform", "reports")
        for file in (root / folder).rglob("*.py")
        if file.name != "__init__.py"
    )
    large = {folder for folder, count in counts.items() if count > MODULES_A_FOLDER}
    assert large - ONE_CHOICE_A_FILE == set()
    assert counts.keys() >= ONE_CHOICE_A_FILE


def test_file_names_say_something(root: Path):
    parts = {part for file in python_files(root) for part in file.relative_to(root).with_suffix("").parts}
    assert parts & NAMES_THAT_SAY_NOTHING == set()


def test_nothing_names_a_path_of_one_machine(root: Path):
    found = [
        f"{file.relative_to(root)}:{number}: {line.strip()[:100]}"
        for file in project_files(root)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if PATH_OF_ONE_MACHINE.search(line)
    ]
    assert found == []


def test_lock_file_has_versions_and_hashes_and_no_address(root: Path):
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|-f|--[\w-]*(index|links|host))", lock, re.MULTILINE)
    packages = locked_packages(lock)
    assert len(packages) > 50
    for requirement, hashes in packages.items():
        assert re.match(r"[\w.\[\],-]+==[\w.+!]+( ;|$)", requirement), requirement
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", hash_) for hash_ in hashes)


def test_lock_file_meets_the_projects_bounds(root: Path):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    locked: dict[str, list[str]] = {}
    for line in locked_packages((root / "requirements.lock").read_text(encoding="utf-8")):
        requirement = Requirement(line)
        locked.setdefault(canonicalize_name(requirement.name), []).append(
            str(requirement.specifier).removeprefix("==")
        )
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not in requirements.lock: make lock"
        assert any(requirement.specifier.contains(version) for version in versions), (requirement, versions)


def test_every_package_that_is_imported_is_a_dependency(root: Path):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    declared = {canonicalize_name(Requirement(line).name) for line in asked} | {
        "pydantic-core"
    }  # pydantic's own
    providers = packages_distributions()
    missing = {
        f"{package}, imported in {file.relative_to(root)}"
        for file in python_files(root)
        for package in set(imported_packages(file))
        - sys.stdlib_module_names
        - {"platform", "no_wheel", "platform_api", "reports", "tests", "conftest"}
        if not {canonicalize_name(name) for name in providers.get(package, [])} & declared
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("tool", "arguments", "planted", "expected"),
    [
        (
            "mypy",
            ["--no-incremental"],
            "count: int = 'one'\n",
            "Incompatible types in assignment",
        ),
        ("ruff", ["check", "platform"], "import reports\nimport os\nreports, os\n", "I001"),
    ],
)
def test_tools_check_our_package_and_its_tests_and_not_the_standard_module(
    tool: str, arguments: list[str], planted: str, expected: str, root: Path, tmp_path: Path
):
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "platform" / "config").mkdir(parents=True)
    for package in ("platform", "platform/config"):
        shutil.copy(root / package / "__init__.py", tmp_path / package)
    files = {
        "platform/config/planted.py": planted,
        "platform/user.py": "from platform.config.planted import count\n\ncount.nothing()\n",
        "platform/double.py": "def double(number: int) -> int:\n    return 2 * number\n",
        "tests/losses/test_double.py": (
            "from platform.double import double\n\ndef test_it():\n    assert double(1, times=3) == 2\n"
        ),
        "reports/__init__.py": "",
        **dict.fromkeys(("conftest.py", "no_wheel.py", "platform_api.py"), ""),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = os.environ | {"RUFF_NO_CACHE": "true"}
    command = [sys.executable, "-m", tool, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "planted.py" in done.stdout
    assert expected in done.stdout
    if tool == "mypy":
        assert '"int" has no attribute "nothing"' in done.stdout
        assert 'test_double.py:4: error: Unexpected keyword argument "times" for "double"' in done.stdout
