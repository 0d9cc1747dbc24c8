"""The review's web application: a page, its pictures, its answers; whatever else is asked is refused."""

import secrets
from collections.abc import Sequence
from typing import Final, Literal

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from platform.config.errors import UserError
from platform.datasets.review.page import SIDES, served_page
from platform.datasets.review.pictures import Pictures
from platform.datasets.review.session import Given, Refused, Review
from platform.datasets.sources.image_decoding import UnreadableImage

LARGEST_BODY = 20_000
"""Bytes of a request: an answer with a long path and a long class name."""
SAFE_METHODS = ("GET", "HEAD")
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer. The page's own policy, of what it may load, is in its head."""


class Guard:
    """Lets through what the page itself asks, and nothing that another website or person could.

    A path begins with the token, which only the terminal knows. The Host header is one of ours: a name that
    somebody points to 127.0.0.1 is not (DNS rebinding). What changes something comes from our own page.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Sequence[str]) -> None:
        self._app, self._token, self._hosts = app, token.encode(), tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        _, _, rest = scope["path"].lstrip("/").partition("/")
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        await self._app(inner, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if headers.getlist("host") != [host] or host not in self._hosts:
            return _refused("another host", 421)
        first, slash, _ = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(first.encode(), self._token):
            return _refused("open the address that the command printed, whole")
        if not slash:
            return Response(status_code=308, headers={"location": f"/{first}/"})
        if scope["method"] in SAFE_METHODS:
            return None
        if headers.get("origin") != f"http://{host}":
            return _refused("another page may not answer")
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return _refused(f"a request has at most {LARGEST_BODY:,} bytes and says how many", 413)
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refused("an answer is JSON", 415)
        return None


def make_app(review: Review, pictures: Pictures, token: str, hosts: Sequence[str]) -> FastAPI:
    """``hosts``: the Host headers that are ours, with the port."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Guard, token=token, hosts=hosts)

    @app.get("/")
    def page() -> HTMLResponse:
        return HTMLResponse(served_page(review))

    @app.get("/picture/{row}/{size}")
    def picture(row: int, size: Literal["large", "small"]) -> Response:
        try:
            found = pictures.picture(row, SIDES[size])
        except UnreadableImage as error:
            return PlainTextResponse(f"cannot be shown: {error}", 404)
        return Response(found.content, media_type=found.kind)

    @app.post("/answers")
    def answer(given: Given) -> JSONResponse:
        try:
            return JSONResponse(review.save(given))
        except Refused as error:
            return JSONResponse({"detail": str(error)}, 422)
        except UserError as error:
            return JSONResponse({"detail": str(error)}, 507)

    return app


def _refused(why: str, status: int = 403) -> Response:
    return PlainTextResponse(f"refused: {why}\n", status)
