"""Serves a review on the loopback address until Ctrl-C, behind a token that only the terminal shows."""

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from platform.config.errors import UserError
from platform.datasets.review.app import make_app
from platform.datasets.review.pictures import Pictures
from platform.datasets.review.session import Review

LOOPBACK = "127.0.0.1"
PATIENCE_S = 2


@dataclass(frozen=True)
class Served:
    """A server that listens already. ``address``: of the page, with the token."""

    server: uvicorn.Server
    listening: socket.socket
    address: str

    def run(self) -> None:
        """Answer requests until Ctrl-C, or until ``server.should_exit`` is set."""
        with self.listening:
            self.server.run(sockets=[self.listening])


def serve(review: Review, port: int, ready: Callable[[str], None]) -> None:
    """Answer requests until Ctrl-C.

    Args:
        port: 0 for any that is free.
        ready: called with the page's address, once it can be opened.

    Raises:
        UserError: the port is taken.
    """
    served = prepared(review, port)
    ready(served.address)
    try:
        served.run()
    except KeyboardInterrupt:
        return


def prepared(review: Review, port: int) -> Served:
    """The server with a new token; raises UserError where the port is taken."""
    listening = _listening(port)
    number = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    hosts = [f"{LOOPBACK}:{number}", f"localhost:{number}"]
    config = uvicorn.Config(
        make_app(review, Pictures(review.audited, review.rows), token, hosts),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,  # the token is in every path
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=PATIENCE_S,
    )
    return Served(uvicorn.Server(config), listening, f"http://{LOOPBACK}:{number}/{token}/")


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise UserError(
            f"--port: {port} cannot be used: {error.strerror}; --port 0 takes one that is free"
        ) from error
    return listening
