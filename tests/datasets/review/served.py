"""The real command ``labels`` in a process of its own, and its page's address."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT


@dataclass(frozen=True)
class Served:
    """``address``: with the token, and ``/`` at its end. ``said``: what was printed before it."""

    address: str
    process: subprocess.Popen[str]
    said: list[str]

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].split("/")[0])

    @property
    def token(self) -> str:
        return self.address.split("/")[3]

    def interrupted(self) -> tuple[int, str]:
        """The exit code and what the command prints after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


@contextmanager
def served(audit: Path, *options: str) -> Iterator[Served]:
    line = [sys.executable, "-m", "platform.data", "labels", str(audit), *options]
    with subprocess.Popen(
        line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said = []
        try:
            for text in process.stdout:
                if text.startswith("open "):
                    yield Served(text.split()[1], process, said)
                    break
                said.append(text.rstrip())
            else:
                raise AssertionError(f"the command ended: {said}")
        finally:
            process.kill()
