"""Our commands as processes that need not import torch, Ray and MLflow anew: a third of a small sweep's time.

They are forked from a server that has (``multiprocessing``'s own) and has started nothing yet; each has its
environment, its output and its Ray to itself, as one that a user starts. What is about starting or killing a
command itself starts it by ``python -m``.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WARM = "tests.warm_driver"


def warm_processes() -> ForkServerContext:
    """Processes of the one fork server that a test process has: whoever needs it first starts it for all."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([WARM, __name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        forkserver.ensure_running()
    return context


def run_forked(
    main: Callable[[list[str]], int], arguments: Sequence[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """``main(arguments)`` to its end, in ``environment``; what it writes goes by files in ``folder``."""
    said, errors = folder / "forked.out", folder / "forked.err"
    process = warm_processes().Process(target=_run, args=(main, list(arguments), environment, said, errors))
    process.start()
    try:
        process.join()
    finally:
        process.kill()
    return subprocess.CompletedProcess(
        arguments, process.exitcode, said.read_text(encoding="utf-8"), errors.read_text(encoding="utf-8")
    )


def _run(
    main: Callable[[list[str]], int],
    arguments: list[str],
    environment: dict[str, str],
    said: Path,
    errors: Path,
) -> None:
    for stream, path in ((1, said), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    assert WARM in sys.modules, "the fork server could not import it"
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("RAY_AUTH_MODE", None)  # a Ray of the test's own has set it; this one has not read it
    os.chdir(ROOT)
    sys.exit(main(arguments))
