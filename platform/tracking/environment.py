"""Records what a sweep ran on, so that it can be repeated: commit, lock file, versions, machine."""

import getpass
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from platform.config.invocation import ROOT

UNKNOWN = "unknown"


@dataclass(frozen=True)
class CodeVersion:
    """The commit; ``dirty``: whether files differ from it; ``lock``: sha256 of requirements.lock."""

    commit: str
    dirty: str
    lock: str

    @property
    def key(self) -> str | None:
        """Identifies this code; None if files differ from the commit, or there is no commit."""
        is_known = self.dirty == "false" and UNKNOWN not in (self.commit, self.lock)
        return f"{self.commit} {self.lock}" if is_known else None


def code_version(root: Path = ROOT) -> CodeVersion:
    """Commit and state of the checkout at ``root``; "unknown" without git or a commit."""
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    changes = _git(root, "status", "--porcelain")
    lock = root / "requirements.lock"
    return CodeVersion(
        commit=commit or UNKNOWN,
        dirty=UNKNOWN if changes is None else str(bool(changes)).lower(),
        lock=hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else UNKNOWN,
    )


def environment() -> dict[str, object]:
    """Python, machine, accelerator and every installed package with its version."""
    import torch  # 1.3 s; only a sweep that starts needs it

    packages = sorted(
        {f"{entry.name}=={entry.version}" for entry in importlib.metadata.distributions()}, key=str.lower
    )
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "python": sys.version.split()[0],
        "machine": sysconfig.get_platform(),
        "cpus": os.cpu_count(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "gpus": gpus,
        "packages": packages,
    }


def user_name() -> str:
    """Name of the user; "unknown" in a container whose user has no entry in the password file."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return UNKNOWN


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
