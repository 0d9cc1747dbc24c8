"""A sweep written to a real SQLite store or server, as the driver would write it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from platform.tracking.own_mlflow import name_own
from platform.tracking.records import DatasetRecord, SweepDescription


@pytest.fixture
def uri(tmp_path, empty_mlflow):
    (tmp_path / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    address = f"sqlite:///{tmp_path}/mlflow.db"
    name_own(address)
    return address


@pytest.fixture
def description():
    data = DatasetRecord("digits", "digits", "d" * 64, {"train": 1000, "val": 300}, ["zero", "one"])
    constants = {"epochs": 3, "optim.name": "sgd", "peer_model": None, "ema": True}
    return SweepDescription(
        "epochs: 3\n", "4 trials\n", constants, 7, data, "python -m platform.search a.yaml"
    )


@pytest.fixture
def write_trial():
    """Writes one whole trial: three epochs of two metrics, then its outcome."""

    def write(writer, trial_id, outcome="finished", *, drop_rate=0.3, epochs=3, **ending):
        writer.start_trial(
            trial_id,
            searched={"method.drop_rate": drop_rate, "method.rank_by": "loss"},
            constants={"epochs": 3},
            config={
                "epochs": 3,
                "method": {"name": "peer", "drop_rate": drop_rate, "rank_by": "loss"},
                "model": {"backbone": "resnet10t"},
            },
        )
        for epoch in range(1, epochs + 1):
            writer.report(trial_id, epoch, {"train/loss": 1 / epoch, "val/accuracy": 0.1 * epoch})
        writer.finish_trial(trial_id, outcome, **ending)

    return write


class MlflowServer:
    """A real server on loopback, in a session of its own, which is killed whole; it may be started again."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "server.log"
        self.process = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self):
        command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        artifacts = ["--artifacts-destination", str(self.folder / "art")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, "--workers", "1", *store, *artifacts],
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        pytest.fail(f"the server did not start:\n{self.log.read_text()}")

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.kill()


@pytest.fixture(scope="session")
def mlflow_server():
    """Makes a server that keeps all it has in a folder: ``with mlflow_server(folder) as server``."""
    return MlflowServer
