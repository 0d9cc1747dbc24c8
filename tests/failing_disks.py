"""Let calls on chosen files fail in real processes: a full disk, or the errors of a network file system."""

import errno
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("failing_disk.c")


@dataclass(frozen=True)
class FailingDisk:
    """``environment``: of the processes whose calls fail, from :meth:`begin` to :meth:`end`."""

    environment: dict[str, str]

    @property
    def _while_file(self) -> Path:
        return Path(self.environment["FAILING_WHILE"])

    def begin(self) -> None:
        self._while_file.write_text("", encoding="utf-8")

    def end(self) -> list[str]:
        """Let the calls succeed again; the paths of those that failed."""
        seen = self._while_file.read_text(encoding="utf-8").splitlines()
        self._while_file.unlink()
        return seen


def can_fail() -> bool:
    """Whether there is a C compiler, which the library needs that is put before the system's."""
    return shutil.which("cc") is not None


def failing_disk(
    folder: Path, paths: str, *, calls: str = "write", error: int = errno.ENOSPC, times: int = -1
) -> FailingDisk:
    """``calls``, "write" or "rename", on the absolute ``paths`` (a pattern) fail with ``error``.

    ``times``: how often in each process; below 0: always.
    """
    library = folder / "failing_disk.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    return FailingDisk(
        {
            "LD_PRELOAD": f"{library} {os.environ.get('LD_PRELOAD', '')}".strip(),
            "FAILING_PATHS": paths,
            "FAILING_CALLS": calls,
            "FAILING_ERRNO": str(error),
            "FAILING_TIMES": str(times),
            "FAILING_WHILE": str(folder / "failing"),
        }
    )
