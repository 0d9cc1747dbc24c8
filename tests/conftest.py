"""What several folders of tests share: where things lie, real data, a local Ray, a browser."""

import importlib.util
import os
import shutil
import subprocess
import sys
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

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


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
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a command that a test starts, with an MLflow of the test's own."""
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}


@pytest.fixture
def run_search(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``run_search("space.yaml", "--resume")``: the command to its end, its sweeps below the test's runs/."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        line = [
            sys.executable,
            "-m",
            "platform.search",
            *map(str, arguments),
            "--out",
            str(tmp_path / "runs"),
        ]
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)

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


@pytest.fixture
def one_thread():
    """Networks this small are slower on several threads, and tests share their cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
