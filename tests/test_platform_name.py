"""Our package has the name of a standard module: it must be that module, whoever imports it first."""

# mypy reads our package, which has the standard module's names only when it runs.
# mypy: disable-error-code="attr-defined"

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import platform

pytestmark = pytest.mark.sweep

# Describes the `platform` that an interpreter finds. Run with -I far from here, that is the standard module.
DESCRIBE = """
import inspect, json, os, platform
of_the_import = ["path", "file", "cached", "spec", "loader", "package", "builtins"]
names = {}
for name, value in vars(platform).items():
    if name.strip("_") not in of_the_import:
        names[name] = str(inspect.signature(value)) if inspect.isfunction(value) else type(value).__name__
calls = [
    "architecture()", "freedesktop_os_release()", "libc_ver()", "mac_ver()", "machine()", "node()",
    "platform()", "platform(aliased=True, terse=True)", "processor()", "python_branch()", "python_build()",
    "python_compiler()", "python_implementation()", "python_revision()", "python_version()",
    "python_version_tuple()", "release()", "system()", "system_alias('SunOS', '5.10', '')", "uname()",
    "version()", "win32_ver()", "__doc__", "__version__", "__copyright__", "_comparable_version('1.10rc2')",
]
results = {}
for call in calls:
    try:
        results[call] = repr(eval("platform." + call))
    except (OSError, AttributeError) as error:
        results[call] = type(error).__name__
path = [os.path.abspath(folder) for folder in getattr(platform, "__path__", [])]
print(json.dumps({"names": names, "results": results, "path": path}))
"""

USE_BOTH = "import platform; from platform.config.section import Section; platform.system(); Section"


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command in a folder, without Python's own variables of this environment; it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{command} in {folder} exited {done.returncode}:\n{done.stdout}{done.stderr}"
    )
    return done


def interpreter(version: str) -> str:
    """The program of that Python version, this one's own included; skips where there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    program = shutil.which(f"python{version}")
    # A version manager's shim can be on PATH for a version that it then refuses to run.
    if program is None or subprocess.run([program, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip(f"no python{version} that runs on PATH")
    return program


def supported_versions() -> list[str]:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sorted({"3.11", "3.12", "3.13", running}, key=lambda version: int(version.split(".")[1]))


@pytest.mark.parametrize("version", supported_versions())
def test_package_equals_the_standard_module(version: str, root: Path, tmp_path: Path):
    program = interpreter(version)
    standard = json.loads(run([program, "-I", "-c", DESCRIBE], tmp_path).stdout)
    ours = json.loads(run([program, "-c", DESCRIBE], root).stdout)
    assert standard["path"] == []
    assert ours["path"] == [str(root / "platform")]
    assert ours["names"] == standard["names"]
    assert ours["results"] == standard["results"]
    assert len({name for name in ours["names"] if not name.startswith("_")}) > 20


@pytest.mark.parametrize("version", supported_versions())
@pytest.mark.parametrize("arguments", [[], ["terse"], ["nonaliased"]], ids=str)
def test_python_m_platform_prints_the_standard_line(
    version: str, arguments: list[str], root: Path, tmp_path: Path
):
    program = interpreter(version)
    standard = run([program, "-I", "-m", "platform", *arguments], tmp_path)
    ours = run([program, "-m", "platform", *arguments], root)
    assert ours.stdout == standard.stdout
    assert ours.stderr == ""


def test_these_tests_have_both():
    assert platform.system() == os.uname().sysname
    from platform.config.section import Section

    assert Section.__module__ == "platform.config.section"


@pytest.mark.parametrize(
    "pytest_command",
    [
        [sys.executable, "-m", "pytest"],
        [str(Path(sys.executable).with_name("pytest"))],  # has loaded the standard module long before
    ],
    ids=["python -m pytest", "bare pytest"],
)
@pytest.mark.parametrize("folder", [".", "tests/losses"], ids=["from the root", "from a folder of tests"])
def test_pytest_finds_both(pytest_command: list[str], folder: str, root: Path, tmp_path: Path):
    (tmp_path / "platform").symlink_to(root / "platform")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / "tests" / "losses").mkdir(parents=True)
    test = tmp_path / "tests" / "losses" / "test_tiny.py"
    test.write_text(
        f"def test_tiny():\n    {USE_BOTH}\n    import uuid; assert uuid.uuid1()\n", encoding="utf-8"
    )
    done = run([*pytest_command, "-q", "-p", "no:cacheprovider"], tmp_path / folder)
    assert "1 passed" in done.stdout


def test_importing_conftest_mends_a_notebook(root: Path, tmp_path: Path):
    mend = f"import sys; sys.path.append({str(root)!r}); import conftest"
    script = f"import platform as early; {mend}\n{USE_BOTH}\nassert early is platform and early.machine()"
    run([sys.executable, "-c", script], tmp_path)


def test_multiprocessing_spawn_child_finds_both():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        system = pool.submit(eval, "__import__('platform').system()")
        section = pool.submit(eval, "__import__('platform.config.section').config.section.__file__")
        assert system.result(60) == platform.system()
        assert Path(section.result(60)).name == "section.py"


def test_ray_worker_finds_both(local_ray: None):
    import ray

    @ray.remote
    def find() -> tuple[str, str]:
        import platform
        from platform.config.section import Section

        return platform.system(), Section.__module__

    assert ray.get(find.remote(), timeout=60) == (platform.system(), "platform.config.section")


def test_packages_that_need_the_standard_module_import_from_the_root(root: Path):
    script = (
        "import uuid, torch, mlflow; uuid.uuid1(); import platform.config.section; print(torch.__version__)"
    )
    assert run([sys.executable, "-W", "error", "-c", script], root).stdout
