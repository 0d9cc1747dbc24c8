"""A Ray on this machine: what its other users see of it, and what is left of it."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import ray

from platform.config.errors import UserError
from platform.tuning.cluster.join import join, leave
from platform.tuning.cluster.private_ray import OWNER, TOKEN, private_folder
from platform.tuning.settings.sweep_config import ResourcesConfig


@pytest.fixture
def fresh(monkeypatch, tmp_path_factory):
    """A process that has made no private folder yet, with a short temporary folder of its own."""
    base = Path("/tmp") / f"p{os.getpid()}"
    base.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(base))
    private_folder.cache_clear()
    yield base
    private_folder.cache_clear()
    subprocess.run(["rm", "-rf", base], check=True)


def ran(code: str, root: Path) -> Path:
    """The path that a Python of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    return Path(done.stdout.strip())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.sweep
def test_nobody_else_can_reach_it(fresh):
    before, on_sigterm = dict(os.environ), signal.getsignal(signal.SIGTERM)
    join(None, ResourcesConfig(), trials=1)
    try:
        own = psutil.Process()
        listening = [
            (process.name(), connection.laddr.ip)
            for process in (own, *own.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) > 4
        assert {address.removeprefix("::ffff:") for _, address in listening} == {"127.0.0.1"}
        folder = private_folder()
        assert [mode(folder), mode(folder / TOKEN)] == [0o700, 0o600]
        assert ray.get_runtime_context().get_node_id()
        assert os.environ["RAY_AUTH_MODE"] == "token"
        assert list(folder.glob("r/session_*")), "Ray's own folder lies in it"
    finally:
        leave()
    assert {name: os.environ.get(name) for name in before} == before
    assert not {"RAY_AUTH_TOKEN_PATH", "PYTHONBREAKPOINT"} & (set(os.environ) - set(before))
    assert signal.getsignal(signal.SIGTERM) is on_sigterm
    a_ray_of_the_users_own_starts_and_is_left_alone()


def a_ray_of_the_users_own_starts_and_is_left_alone() -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)  # with the token that is ours no more
    try:
        with pytest.raises(
            UserError, match=r"^Ray runs in this process already: call ray\.shutdown\(\) first"
        ):
            join(None, ResourcesConfig(), trials=1)
        leave()
        assert ray.get(ray.put("still here")) == "still here"
    finally:
        ray.shutdown()


def test_the_folder_goes_with_its_process_and_those_of_killed_ones_with_the_next(fresh, root):
    code = "from platform.tuning.cluster.private_ray import private_folder\nprint(private_folder())"
    killed = f"{code}\nimport os; os.sys.stdout.flush(); os.kill(os.getpid(), 9)"
    left = ran(killed, root)
    assert (left / OWNER).exists()
    other = private_folder()
    photos = fresh / "photos"
    photos.mkdir()
    (fresh / "ray-87654321").symlink_to(photos)
    (photos / OWNER).touch()
    gone = ran(code, root)
    assert gone.parent == fresh
    assert not gone.exists()
    assert not left.exists()
    assert other.exists(), "its process lives"
    assert (photos / OWNER).exists(), "links are not followed"
