"""What several folders of tests share: where things lie, real data, a local Ray, a browser."""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.s3_servers import local_s3
from tests.small_disks import small_file_system

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

# Nothing that a test starts, in this process or another, may talk to the outside, and a developer's own
# MLflow server is not a place for a test's runs.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

# What sweeps of tests name as their MLflow is nothing that a developer's own commands should ask.
STATE = tempfile.TemporaryDirectory(prefix="state-")
os.environ["XDG_STATE_HOME"] = STATE.name

# Networks as small as those of tests are slower on several threads (a training step by a factor of three),
# and tests and the trials that they start share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

# Ray's workers are nice by default, and starve beside tests that compute: a trial got 3 % of a core.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112

SWEEP_COST = 100  # what a test of a whole sweep takes, as a multiple of what others take
WHOLE_TRIALS = {
    "finished_sweep",
    "golden_steps",
    "local_ray",
    "mlflow_server",
    "noisy_digits",
    "retrieval_sweep",
    "run_search",
}
"""Fixtures that train whole trials, or start Ray or MLflow: tests that ask for one are marked ``sweep``."""

SHARES_SWEEP_OF = {"tests/sweeps/test_broken_sweep.py": "tests/sweeps/test_first_sweep.py"}

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, and with them those of the files that share its sweep.

    xdist's own ``loadgroup`` does nothing with pytest 9.2, which ignores the names that it gives to tests.
    """
    from xdist.scheduler import LoadFileScheduling

    class SharedSweeps(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return run_with(super()._split_scope(nodeid))

    return SharedSweeps(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes longest, so that no process is left alone with it; mark what fixtures tell."""
    costs: Counter[str] = Counter()
    for item in items:
        is_sweep = item.get_closest_marker("sweep") is not None
        costs[file_of(item)] += SWEEP_COST if is_sweep else 1
        fixtures = set(getattr(item, "fixturenames", ()))
        if "chromium" in fixtures:
            item.add_marker(pytest.mark.browser)
        if fixtures & WHOLE_TRIALS:
            item.add_marker(pytest.mark.sweep)
    items.sort(key=lambda item: -costs[file_of(item)])


def file_of(item: pytest.Item) -> str:
    return run_with(item.nodeid.partition("::")[0])


def run_with(file: str) -> str:
    """The file with whose tests those of ``file`` share a process: its own, unless both look at one sweep."""
    return SHARES_SWEEP_OF.get(file, file)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root: where every command is started."""
    return ROOT


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data sets, ``cifar10n.zip`` among them, which lie outside the project."""
    folder = Path(os.environ.get("PLATFORM_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; PLATFORM_TEST_DATA names the folder that holds cifar10n.zip")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``small_disk("1m")``: the folder of a real file system of that size, which can be filled."""
    with ExitStack() as disks:
        made = itertools.count()

        def make(size: str) -> Path:
            folder = tmp_path / f"disk{next(made)}"
            if not disks.enter_context(small_file_system(folder, size)):
                pytest.skip("a file system cannot be mounted here: it needs root")
            return folder

        yield make


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3-compatible server with the bucket ``bucket``; what a process's environment needs for it."""
    with local_s3(tmp_path_factory.mktemp("s3")) as environment:
        yield environment


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making them takes two seconds, copying them a millisecond."""
    from platform.tracking.connect import connect

    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{path}", creates=True)
    return path


@pytest.fixture
def environment(tmp_path: Path, empty_mlflow: Path) -> dict[str, str]:
    """That of a command that a test starts, with an MLflow of the test's own."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}


@pytest.fixture
def run_search(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_search("space.yaml", "--resume")``: the command to its end, its sweeps below the test's runs/."""
    from platform.search import main
    from tests.forked import run_forked

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        line = [*map(str, arguments), "--out", str(tmp_path / "runs")]
        return run_forked(main, line, environment, tmp_path)

    return run


@pytest.fixture
def run_here(capsys: pytest.CaptureFixture[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_here(main, "space.yaml", "--plan")``: a command in this process, which imports nothing anew."""

    def run(main: Callable[[list[str]], int], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as end:  # as argparse ends
            code = int(end.code or 0)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A real Ray of two CPUs, whose workers find our package before the standard module."""
    import ray

    ray.init(
        address="local",  # not a cluster that happens to run on this machine
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A headless Chromium (a Playwright ``Browser``) of the system's own: nothing is downloaded."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        words = "no Chromium on PATH (Debian's package is called chromium)"
        if os.environ.get("CI"):
            pytest.fail(words + "; CI must not go without these tests")
        pytest.skip(words)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def golden_steps(root):
    """The module tests/golden/steps.py, which is no package's."""
    specification = importlib.util.spec_from_file_location("golden_steps", root / "tests/golden/steps.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module
    specification.loader.exec_module(module)
    return module
