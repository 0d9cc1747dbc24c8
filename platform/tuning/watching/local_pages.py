"""Serves MLflow's pages of a local database, and prints the addresses of the newest sweeps' comparisons."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from platform.config.errors import UserError
from platform.config.invocation import script_path
from platform.tracking.links import comparison_link
from platform.tracking.local_ui import free_port, record_ui
from platform.tracking.tracking_config import TrackingConfig, resolve_uri, sqlite_path
from platform.tuning.watching.sweep_state import sweeps_in

SHOWN_SWEEPS = 5


def serve(out: Path, port: int, others: Sequence[str]) -> int:
    """Run ``mlflow ui`` until it ends; returns its exit code.

    Raises:
        UserError: the runs are on a server, which has pages of its own.
    """
    uri = resolve_uri(TrackingConfig())
    if uri.startswith(("http://", "https://")):
        raise UserError(f"MLFLOW_TRACKING_URI: {uri} is a server; open it in your browser")
    database = sqlite_path(uri)
    if database is not None and not database.exists():
        raise UserError(f"{database}: no such database; run a sweep here first, or set MLFLOW_TRACKING_URI")
    free = free_port(port)
    if free != port:
        print(f"port {port} is taken, so this is on port {free}")
    server = ["ui", "--host", "127.0.0.1", "--port", str(free), "--workers", "1", "--backend-store-uri", uri]
    record = record_ui(uri, free)
    print(f"MLflow: http://127.0.0.1:{free} (starts in some seconds; Ctrl-C ends it)")
    for line in links_of(out, uri):
        print(line, flush=True)
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    process = subprocess.Popen([script_path("mlflow"), *server, *others], env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()
    finally:
        if record is not None:
            record.unlink(missing_ok=True)


def links_of(out: Path, uri: str) -> list[str]:
    """A line for each of the newest sweeps in the folder ``out`` whose records are at ``uri``."""
    records = [one for one in sweeps_in(out) if one.record_file.exists()]
    records.sort(key=lambda one: one.record_file.stat().st_mtime, reverse=True)
    known = [(one.name, one.read_record()) for one in records]
    here = [(name, record) for name, record in known if record.tracking_uri == uri]
    return [f"  {name}: {comparison_link(record.writer_state)}" for name, record in here[:SHOWN_SWEEPS]]
