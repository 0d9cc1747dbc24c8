"""Command lines to print: each runs as it is printed, in the folder where the person stands."""

import os
import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
"""The checkout that this code is from."""
LAUNCHERS = {
    "platform.search": "platform-search",
    "platform.data": "platform-data",
    "platform.nightly": "platform-nightly",
    "platform.rounds": "platform-rounds",
    "platform.ui": "platform-ui",
    "reports": "platform-reports",
}
"""The scripts that ``make`` writes into .venv/bin, by the module that each runs."""
OLDEST_PYTHON = (3, 11)
NEEDED = ("pydantic", "ruamel.yaml", "rich", "torch", "torchvision", "timm", "ray", "optuna", "mlflow")


def command_line(module: str, *arguments: str | Path) -> str:
    """The command that runs ``module`` with the Python that runs now.

    ``python -m`` finds our ``platform`` only in the checkout; elsewhere it is the launcher in .venv/bin, or
    PYTHONPATH without one.
    """
    words = [str(argument) for argument in arguments]
    launcher = Path(sys.executable).with_name(LAUNCHERS.get(module, module))
    if Path.cwd() == ROOT or not module.startswith(("platform", "reports")):
        return _joined([_near(Path(sys.executable)), "-m", module, *words])
    if launcher.is_file():
        return _joined([_near(launcher), *words])
    return _joined([_near(Path(sys.executable)), "-m", module, *words], {"PYTHONPATH": str(ROOT)})


def script_line(script: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """The command that runs a package's script, such as ``mlflow``, from the environment that runs now.

    The script finds others of its environment: ``mlflow models serve`` starts ``uvicorn`` from PATH.
    """
    program = script_path(script)
    near = _near(Path(program)) if os.sep in program else program
    others = f'PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    return f"{others} {_joined([near, *map(str, arguments)], environment)}"


def script_path(script: str) -> str:
    """The script beside the Python that runs; by its name alone where there is none, for PATH to find."""
    beside = Path(sys.executable).with_name(script)
    return str(beside) if beside.is_file() else script


def missing_packages() -> str | None:
    """One line if this Python is too old or lacks packages, with the command that helps; else None.

    It imports nothing, so that a command may ask before its first import.
    """
    if sys.version_info < OLDEST_PYTHON:
        what = f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed, {sys.executable} is older"
    elif missing := [name for name in NEEDED if not _is_installed(name)]:
        what = f"{sys.executable} does not have the package{'s' * (len(missing) > 1)} {', '.join(missing)}"
    else:
        return None
    python = ROOT / ".venv" / "bin" / "python"
    if python.is_file() and Path(sys.executable) != python:
        return f"{what}; run it with {shlex.quote(_near(python))}"
    return f"{what}; install the packages with: {_make()} install"


def _make() -> str:
    return "make" if Path.cwd() == ROOT else f"make -C {shlex.quote(str(ROOT))}"


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the parent of a dotted name
        return False


def _near(path: Path) -> str:
    """The path as short as it can be from this folder: relative to it, if the path lies below it."""
    try:
        relative = path.relative_to(Path.cwd())
    except ValueError:
        return str(path)
    return str(relative) if len(relative.parts) > 1 else f".{os.sep}{relative}"


def _joined(words: list[str], environment: Mapping[str, str] | None = None) -> str:
    variables = [f"{name}={shlex.quote(value)}" for name, value in (environment or {}).items()]
    return " ".join([*variables, shlex.join(words)])


def not_here(name: str) -> str:
    """What to add to the message that a relative path is missing, if the project's folder has it; or ''."""
    if Path(name).is_absolute() or not (ROOT / name).exists():
        return ""
    return (
        f": paths are relative to the folder in which you run the command; the project's own is {ROOT / name}"
    )


def shipped_file(name: str) -> str:
    """A file of the checkout, named so that it is found from the current folder."""
    return name if Path(name).is_file() else str(ROOT / name)
