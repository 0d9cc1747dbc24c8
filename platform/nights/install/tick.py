"""The command that an installed plan runs every ten minutes, and what it needs around it."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from platform.config.invocation import ROOT, command_line
from platform.nights.plan.notify_config import variables_in
from platform.nights.plan.plan_config import PlanConfig

MINUTES = 10
ALSO_READ = (
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_SECRET_ACCESS_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_HOME",
    "HF_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "RAY_ADDRESS",
)
"""Variables that sweeps read: what is set where the plan is installed must be set for the timer, too."""


@dataclass(frozen=True)
class Tick:
    """What is called, and from where.

    Attributes:
        key: Names the plan's own entry among others; the same file has the same key.
        plan_file: An absolute path.
        folder: Where it was installed from: relative paths in the plan start there.
        variables: Names of the environment variables that the plan's notices need, or sweeps read here.
    """

    key: str
    plan_file: Path
    folder: Path
    python: Path
    variables: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The command, for a process whose working folder is ``folder``."""
        return [str(self.python), "-P", "-m", "platform.nightly", "run-due", str(self.plan_file)]

    @property
    def environment(self) -> dict[str, str]:
        """What Python needs to find this checkout before the standard library's module `platform`."""
        return {"PYTHONPATH": str(ROOT)}

    @property
    def values_file(self) -> Path:
        """Where the user puts the values of ``variables``; nothing of ours ever writes there."""
        return configuration_folder() / "platform-nightly" / f"{self.key}.env"

    def header(self, kind: str) -> list[str]:
        """What an entry says of itself."""
        return [f"The nights of {self.plan_file}. Remove it with:", f"    {self.command(kind, '--remove')}"]

    def command(self, kind: str, *options: str) -> str:
        return command_line("platform.nightly", "install", self.plan_file, f"--{kind}", *options)

    def about_variables(self) -> list[str]:
        """Where the values of environment variables go; nothing if none is needed."""
        if not self.variables:
            return []
        file = self.values_file
        return [
            f"It needs {', '.join(self.variables)}: write NAME=value, a line each, into {file},",
            f"which only you may read: install -D -m 600 /dev/null {file}",
        ]


def say_notes(say: Callable[[str], None], notes: Iterable[str], *, print_only: bool) -> None:
    """Say what the user must know; below a printed file as comments, so that it can be piped."""
    for line in notes:
        say(f"# {line}" if print_only else line)


def tick_of(plan_file: Path, plan: PlanConfig, environment: Mapping[str, str] | None = None) -> Tick:
    environment = os.environ if environment is None else environment
    needed = dict.fromkeys(name for text in _texts(plan.notify.model_dump()) for name in variables_in(text))
    set_here = [name for name in ALSO_READ if environment.get(name)]
    file = plan_file.absolute()
    return Tick(
        key_of(file, str(file)),
        file,
        Path.cwd(),
        Path(sys.executable),
        tuple(dict.fromkeys([*needed, *set_here])),
    )


def key_of(plan_file: Path, what: str) -> str:
    """Of a-z, 0-9 and '-', and short enough for KubeRay; ``what`` tells plans of the same file name apart."""
    stem = re.sub(r"[^a-z0-9]+", "-", plan_file.stem.lower()).strip("-")[:16].strip("-") or "plan"
    return f"nightly-{stem}-{sha256(what.encode()).hexdigest()[:8]}"


def configuration_folder() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(given) if Path(given).is_absolute() else Path.home() / ".config"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
