"""MLflow's pages of a database on this machine: which port serves them."""

import json
import os
import socket
from pathlib import Path

import psutil

from platform.storage.whole_files import write_whole
from platform.tracking.tracking_config import sqlite_path

UI_PORT = 5000
"""Where `make ui` serves, if the port is free."""
_RECORD = ".ui.json"
_HOST = "127.0.0.1"


def free_port(first: int) -> int:
    """The first port from ``first`` on that nobody on this machine listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {first} to {first + 99} is free")


def record_ui(uri: str, port: int) -> Path | None:
    """Note beside the database that this process serves it on ``port``; None for any other store."""
    database = sqlite_path(uri)
    if database is None:
        return None
    record = _record_of(database)
    write_whole(record, json.dumps({"port": port, "process": os.getpid()}))
    return record


def ui_port(uri: str) -> int:
    """The port on which `make ui` serves the database now, else the one that it would take first."""
    database = sqlite_path(uri)
    if database is None or not _record_of(database).is_file():
        return UI_PORT
    noted = json.loads(_record_of(database).read_text(encoding="utf-8"))
    return int(noted["port"]) if psutil.pid_exists(int(noted["process"])) else UI_PORT


def _record_of(database: Path) -> Path:
    return database.with_name(database.name + _RECORD)
