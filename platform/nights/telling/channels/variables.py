"""Secrets from the environment: read at the moment of use, and kept out of all that is written."""

import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from platform.config.errors import UserError
from platform.nights.plan.notify_config import VARIABLE, variables_in

SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|KEY|WEBHOOK|CREDENTIAL", re.IGNORECASE)
SHORTEST = 6
"""Parts of a URL, and other variables' values, that are shorter occur by chance in ordinary words."""
HIDDEN = "…"


def resolved(text: str) -> str:
    """The setting with the values of its variables, ``$NAME`` or ``${NAME}``.

    Raises:
        UserError: one of them is not set.
    """
    for name in variables_in(text):
        if not os.environ.get(name):
            raise UserError(f"the environment variable {name} is not set")
    return VARIABLE.sub(lambda match: os.environ[match["braced"] or match["plain"]], text)


def without_secrets(text: str, settings: Iterable[str]) -> str:
    """``text`` with ``$NAME`` in place of the values that ``settings`` take from the environment.

    Parts of a URL that a server or a library may quote alone, such as its path, are replaced too, as are the
    values of other variables whose name says that they are secret: a command's output may hold them.
    """
    for secret, shown in sorted(set(_secrets(settings)), key=lambda one: -len(one[0])):
        text = text.replace(secret, shown)
    return text


def _secrets(settings: Iterable[str]) -> Iterator[tuple[str, str]]:
    named = set()
    for setting in settings:
        if names := variables_in(setting):
            named.update(names)
        elif "://" in setting:
            yield from ((part, HIDDEN) for part in _parts_of_url(setting))
    for name in named:
        if value := os.environ.get(name):
            yield value, f"${name}"
            yield quote(value, safe=""), f"${name}"
            yield from ((part, f"${name}") for part in _parts_of_url(value))
    for name, value in os.environ.items():
        if SECRET_NAME.search(name) and len(value) >= SHORTEST:
            yield value, f"${name}"


def _parts_of_url(text: str) -> Iterator[str]:
    """What a URL keeps to itself: all but its scheme and host."""
    try:
        url = urlsplit(text)
        parts = [url.username, url.password, f"{url.path}?{url.query}", url.path, url.query]
        parts += url.path.split("/")
        parts += [value for _, value in parse_qsl(url.query)]
    except ValueError:
        return
    for part in parts:
        if part and len(part) >= SHORTEST:
            yield part
            yield unquote(part)
