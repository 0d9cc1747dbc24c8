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
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WARM = "tests.warm_driver"


def run_forked(
    main: Callable[[list[str]], int], arguments: Sequence[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """``main(arguments)`` to its end, in ``environment``; what it writes goes by files in ``folder``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([WARM, __name__])
    said, errors = folder / "forked.out", folder / "forked.err"
    process = context.Process(target=_run, args=(main, list(arguments), environment, said, errors))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # of the server, which the first process starts
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
