"""What several folders of tests share: where things lie, real data, a local Ray, a browser."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent

# Nothing that a test starts, in this process or another, may talk to the outside, and a developer's own
# MLflow server is not a place for a test's runs.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)

# Networks as small as those of tests are slower on several threads (a training step by a factor of three),
# and tests and the trials that they start share the cores.
os.environ["OMP_NUM_THREADS"] = "1"

# Ray's workers are nice by default, and starve beside tests that compute: a trial got 3 % of a core.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests may take longest come first: no process is left alone with them at the end."""
    may_take: Counter[Path] = Counter()
    for item in items:
        may_take[item.path] += sum(mark.args[0] for mark in item.iter_markers("timeout"))
    items.sort(key=lambda item: -may_take[item.path])


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
    mounted: list[Path] = []

    def make(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        line = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(line, capture_output=True).returncode:
            pytest.skip("a file system cannot be mounted here: it needs root")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A real S3-compatible server with the bucket ``bucket``; what a process's environment needs for it."""
    if importlib.util.find_spec("moto") is None:
        pytest.fail("moto is not installed: it is in the dev dependencies")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("s3")
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(line, stdout=log, stderr=log, cwd=folder) as process,
    ):
        for _ in range(600):
            try:
                urllib.request.urlopen(urllib.request.Request(f"{server}/bucket", method="PUT")).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": server,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        process.kill()


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: making them takes two seconds, copying them a millisecond."""
    from platform.tracking.connect import connect

    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{path}")
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
