"""A real S3-compatible server (moto) on this machine."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def local_s3(folder: Path) -> Iterator[dict[str, str]]:
    """A server with the bucket ``bucket``, its log in ``folder``: what a process needs in its environment."""
    if importlib.util.find_spec("moto") is None:
        raise RuntimeError("moto is not installed: it is in the dev dependencies")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = f"http://127.0.0.1:{port}"
    line = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(line, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
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
        finally:
            process.kill()
