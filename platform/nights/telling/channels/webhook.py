"""A webhook: a POST of JSON whose ``text`` Slack, Mattermost and Teams show."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from platform.nights.ledger.records import Told
from platform.nights.telling.channels.not_delivered import NotDelivered
from platform.nights.telling.channels.variables import resolved

TIMEOUT_S = 10.0
_READ = 10_000


def send_webhook(url: str, told: Told) -> None:
    """POST the notice with an ``Idempotency-Key``, as it may come twice where a process died in between.

    Raises:
        NotDelivered: the server did not answer with a status of 200 to 299.
        UserError: a variable is not set.
    """
    body = {
        "text": told.text,
        "title": told.text.partition("\n")[0],
        "occasion": told.occasion,
        "night": told.identity,
        "at": told.at,
        "key": told.key,
    }
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": told.key}
    post(resolved(url), json.dumps(body, ensure_ascii=False).encode(), headers)


def post(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Raises NotDelivered, whose text may quote the server and is to be freed of secrets."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotDelivered("the variable holds no URL of http or https")
    opener = build_opener(_NoRedirect)
    try:
        # Header values travel as latin-1; a night's name is ASCII.
        request = Request(url, data=body, headers={"User-Agent": "platform-nightly", **headers})
        with opener.open(request, timeout=TIMEOUT_S):
            pass
    except HTTPError as error:
        raise NotDelivered(_answer(error)) from None
    except URLError as error:
        cause = error.reason.strerror if isinstance(error.reason, OSError) else None
        raise NotDelivered(f"no connection: {cause or error.reason}") from None
    except TimeoutError:
        raise NotDelivered(f"no answer within {TIMEOUT_S:g} s") from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotDelivered(f"no answer: {error or type(error).__name__}") from None


class _NoRedirect(HTTPRedirectHandler):
    """A POST that follows a redirect arrives as a GET, without the notice."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def _answer(error: HTTPError) -> str:
    if 300 <= error.code < 400:
        return f"HTTP {error.code}: the URL redirects; give the one that it redirects to"
    try:
        said = error.read(_READ).decode("utf-8", "replace").strip()
    except (OSError, HTTPException):
        said = ""
    return f"HTTP {error.code} {error.reason}" + (f": {said}" if said and said != error.reason else "")
