"""Passwords in addresses: what a sweep records holds none, so that none may stand in a YAML."""

import os
import re
from collections.abc import MutableMapping
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from pydantic import AfterValidator

from platform.config.errors import UserError

_SECRET = re.compile(r"pass|pwd|secret|token|(?<!ssl)key|credential|^sig", re.IGNORECASE)
"""Names of options of an address that hold a secret; ``sslkey`` is the path of a file."""
OF_DATABASES = {"postgresql": "PGPASSWORD", "mysql": "MYSQL_PWD"}
"""The variables from which databases' clients take a password."""
OF_SERVERS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def has_password(address: str) -> bool:
    """Whether a URL has a password before its host, or an option that is called like a secret."""
    parts = urlsplit(address)
    options = parse_qsl(parts.query, keep_blank_values=True)
    return ":" in parts.netloc.rpartition("@")[0] or any(_SECRET.search(name) for name, _ in options)


def shown_uri(address: str) -> str:
    """The address without its password, for messages and pages."""
    parts = urlsplit(address)
    login, at, host = parts.netloc.rpartition("@")
    if ":" in login:
        parts = parts._replace(netloc=f"{login.partition(':')[0]}:***{at}{host}")
    options = [part.partition("=") for part in parts.query.split("&")]
    hidden = "&".join(f"{key}{sign}{'***' if _SECRET.search(key) else value}" for key, sign, value in options)
    return urlunsplit(parts._replace(query=hidden)) if has_password(address) else address


def no_password(address: str) -> str:
    """Return ``address``; raises ValueError, which does not quote it, if it holds a password."""
    if has_password(address):
        raise ValueError(_refusal(address))
    return address


def _refusal(address: str) -> str:
    scheme = urlsplit(address).scheme.partition("+")[0]
    if scheme in OF_DATABASES:
        instead = f"set {OF_DATABASES[scheme]} in the environment"
    elif scheme in ("http", "https"):
        instead = f"set {' and '.join(OF_SERVERS)}, or MLFLOW_TRACKING_TOKEN, in the environment"
    else:
        instead = "set it in the environment"
    return f"must not contain a password, as it is recorded: {instead}, got {shown_uri(address)!r}"


def moved_password(address: str, name: str, environment: MutableMapping[str, str] | None = None) -> str:
    """The address of the variable ``name`` without its password, which the client's own variables get.

    Raises UserError where the client has no such variable.
    """
    environment = os.environ if environment is None else environment
    if not has_password(address):
        return address
    parts = urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    scheme = parts.scheme.partition("+")[0]
    if any(_SECRET.search(option) for option, _ in parse_qsl(parts.query)) or not login:
        raise UserError(f"{name}: {_refusal(address)}")
    if scheme in ("http", "https"):
        values, clean = dict(zip(OF_SERVERS, (user, password), strict=True)), host
    elif scheme in OF_DATABASES:
        values, clean = {OF_DATABASES[scheme]: password}, f"{user}@{host}"
    else:
        raise UserError(f"{name}: {_refusal(address)}")
    environment.update({variable: unquote(value) for variable, value in values.items()})
    return urlunsplit(parts._replace(netloc=clean))


Address = Annotated[str, AfterValidator(no_password)]
"""A URL or a path in a YAML."""
