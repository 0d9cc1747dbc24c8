"""Ping a URL of the form of healthchecks.io when a night starts and ends: silence tells of a dead tick."""

from functools import partial
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from platform.config.errors import UserError
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.telling.channels.deadline import within
from platform.nights.telling.channels.not_delivered import NotDelivered
from platform.nights.telling.channels.send import secret_settings
from platform.nights.telling.channels.variables import resolved, without_secrets

Event = Literal["start", "end", "fail"]
ENDINGS: dict[Event, str] = {"start": "/start", "end": "", "fail": "/fail"}
MOST_SAID = 10_000
DEADLINE_S = 20.0


def ping(plan: PlanConfig, event: Event, say: str) -> str | None:
    """POST ``say`` to ``notify.alive``, to URL/start or to URL/fail. The problem; None where it was taken.

    It takes 20 s at most and never fails a night.
    """
    from platform.nights.telling.channels.webhook import post

    url = plan.notify.alive
    if url is None:
        return None
    settings = secret_settings(plan.notify)
    text = without_secrets(say, settings)[:MOST_SAID]
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        within(DEADLINE_S, partial(post, _at(resolved(url), ENDINGS[event]), text.encode(), headers))
    except (NotDelivered, UserError) as error:
        return without_secrets(" ".join(str(error).split()), settings)
    return None


def _at(url: str, ending: str) -> str:
    """The URL with ``ending`` after its path, before its query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise NotDelivered("the variable holds no URL of http or https") from None
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending)) if ending else url
