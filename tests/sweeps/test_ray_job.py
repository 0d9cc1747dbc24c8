"""``ray job submit -- python -m platform.search``: a real head with its dashboard, and a job to its end."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(900)]

OTHER_PORTS = ("dashboard-agent-listen", "dashboard-agent-grpc", "ray-client-server", "metrics-export")
"""Fixed by default, and another test's Ray may have them."""
RAY = Path(sys.executable).with_name("ray")
SPACE = """
name: job
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 1, scheduler: {name: none}}
report: {max_members: 1, views: [], soup: false}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def dashboard(tmp_path, monkeypatch):
    """The address of the dashboard of a cluster of one machine, as `ray start --head` makes it."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    port, folder = free_port(), tempfile.mkdtemp(prefix="ray")  # short: sockets lie in it
    options = [
        "--include-dashboard=true",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-port={port}",
        f"--port={free_port()}",
        *(f"--{name}-port={free_port()}" for name in OTHER_PORTS),
        "--num-cpus=2",
        f"--temp-dir={folder}",
        "--block",
    ]
    with (tmp_path / "head.txt").open("w") as said:
        head = subprocess.Popen([RAY, "start", "--head", *options], stdout=said, stderr=said)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert head.poll() is None, (tmp_path / "head.txt").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.5)
    yield f"http://127.0.0.1:{port}"
    head.terminate()
    head.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_submitted_search_runs_to_its_end_and_keeps_its_results(
    dashboard, checkout, tmp_path, empty_mlflow
):
    (checkout / "job.yaml").write_text(SPACE)
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")

    words = ["job", "submit", "--address", dashboard, "--working-dir", checkout, "--"]
    search = [sys.executable, "-m", "platform.search", "job.yaml", "--resume", "auto"]
    where = ["--out", tmp_path / "runs", f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"]
    done, deadline = None, time.monotonic() + 120
    while done is None or ("No available agent" in done.stderr and time.monotonic() < deadline):
        done = subprocess.run([RAY, *words, *search, *where], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"report: {tmp_path}/runs/job/report/index.html" in done.stdout
    assert (tmp_path / "runs" / "job" / "report" / "index.html").is_file()
    assert "succeeded" in done.stdout
