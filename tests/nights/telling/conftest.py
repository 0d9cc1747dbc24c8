"""Servers that take notices: a web server and an SMTP server, both real and local."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from platform.nights.ledger.ledger import Begun, Ledger
from tests.nights.made_nights import NOW


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Of a plan that was first run twenty days ago."""
    made = Ledger(tmp_path / "nightly")
    made.append(Begun((NOW - timedelta(days=20)).isoformat(), "digits"), at=NOW)
    return made


@dataclass
class WebServer:
    """``asked``: path, headers and body of each POST; ``status`` and ``says``: what it answers."""

    url: str = ""
    status: int = 200
    says: str = "ok"
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def notices(self) -> list[dict[str, str]]:
        return [json.loads(body) for _, headers, body in self.asked if "json" in headers["Content-Type"]]


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.asked.append((self.path, dict(self.headers), body))
            content = server.says.replace("PATH", self.path).encode()
            self.send_response(server.status)
            if 300 <= server.status < 400:
                self.send_header("Location", f"{server.url}/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers) | {"Content-Type": "none"}, b"GET"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


@dataclass
class MailServer:
    """``mails``: what was sent; ``refuses``: an answer to AUTH instead of 235."""

    port: int = 0
    refuses: str | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listening, server), daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listening: socket.socket, server: MailServer) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb", buffering=0) as lines:
            _converse(lines, server)


def _converse(lines, server: MailServer) -> None:
    """As much of SMTP as a client needs: EHLO, AUTH PLAIN, one mail after another."""
    lines.write(b"220 here\r\n")
    while line := lines.readline():
        verb = line.split()[0].upper()
        if verb == b"EHLO":
            lines.write(b"250-here\r\n250 AUTH PLAIN\r\n")
        elif verb == b"AUTH":
            server.logins.append(line.decode().split()[2])
            lines.write(f"{server.refuses or '235 welcome'}\r\n".encode())
        elif verb == b"DATA":
            lines.write(b"354 go on\r\n")
            content = b"".join(line.removeprefix(b".") for line in iter(lines.readline, b".\r\n"))
            server.mails.append(message_from_bytes(content, policy=policy.default))
            lines.write(b"250 taken\r\n")
        elif verb == b"QUIT":
            lines.write(b"221 bye\r\n")
            return
        else:
            lines.write(b"250 ok\r\n")
