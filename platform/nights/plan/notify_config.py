"""The section notify of a plan: on what, and where, people are told. Secrets come from the environment."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from platform.config.section import Problem, Section, combination
from platform.nights.plan.schedule import check_cron

Occasion = Literal["worse", "better", "failed", "missed", "recovered"]
VARIABLE = re.compile(r"\$(?:\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<plain>[A-Za-z_][A-Za-z0-9_]*))")

LOCAL = ("localhost", "127.0.0.1", "::1")


def variables_in(text: str) -> list[str]:
    """The names of environment variables in a setting: ``$NAME`` or ``${NAME}``."""
    return [match["braced"] or match["plain"] for match in VARIABLE.finditer(text)]


def _is_a_url(text: str) -> str:
    """A URL of http(s), or one that an environment variable holds."""
    if VARIABLE.fullmatch(text):
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be a URL such as https://example.org/hook, or $VARIABLE, got {text!r}")
    if parts.username or parts.password:
        raise ValueError("must not hold a password: take the whole URL from the environment, as $VARIABLE")
    return text


def _comes(expression: str) -> str:
    check_cron(expression)
    return expression


Cron = Annotated[str, AfterValidator(_comes)]
Url = Annotated[str, AfterValidator(_is_a_url)]


class EmailConfig(Section):
    """An SMTP server and who gets mail."""

    to: str = Field(
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="the address that mail goes to",
        examples=["team@example.org"],
    )
    sender: str = Field(
        pattern=r"^[^@\s]+@[^@\s]+$",
        description="the address that mail comes from",
        examples=["nights@example.org"],
    )
    host: str = Field("localhost", min_length=1, description="the SMTP server")
    port: int = Field(
        25, ge=1, le=65535, description="port of the SMTP server: 587 with starttls, 465 with tls"
    )
    security: Literal["none", "starttls", "tls"] = Field(
        "none", description="encryption: starttls after the greeting, tls from the first byte"
    )
    user: str | None = Field(None, description="name to log in with; null: no login", examples=["nights"])
    password: str | None = Field(
        None,
        pattern=r"^\$\{?[A-Za-z_][A-Za-z0-9_]*\}?$",
        description="the password, as $VARIABLE: it comes from the environment, never from the plan; null: "
        "no login",
        examples=["$SMTP_PASSWORD"],
    )

    @combination
    def _logs_in_as_somebody(self) -> Iterator[Problem]:
        if (self.user is None) != (self.password is None):
            yield Problem("user", "must be given with a password, and a password with a user", self.user)
        if self.password is not None and self.security == "none" and self.host not in LOCAL:
            message = "must be starttls or tls where there is a password: it would travel as it is"
            yield Problem("security", message, self.security)


class Channel(Section):
    """One place that is told; exactly one of its settings is given."""

    webhook: Url | None = Field(
        None,
        description="URL that gets a POST of JSON with text, as Slack, Mattermost and Teams take it",
        examples=["$SLACK_URL"],
    )
    email: EmailConfig | None = Field(
        None,
        description="who gets mail, and through which SMTP server",
        examples=[{"to": "team@example.org", "sender": "nights@example.org"}],
    )
    command: tuple[str, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="a program and its arguments, without a shell; the notice is on its stdin, and its "
        "environment has NIGHT and OCCASION",
        examples=[["notify-send", "A night"]],
    )
    apprise: str | None = Field(
        None,
        min_length=1,
        description="a URL of apprise, as $VARIABLE (needs the package apprise)",
        examples=["$APPRISE_URL"],
    )

    @combination
    def _is_one(self) -> Iterator[Problem]:
        given = [name for name in Channel.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            yield Problem("webhook", "must be one of webhook, email, command, apprise in each entry", given)


class NotifyConfig(Section):
    """Who is told of changes of state."""

    on: tuple[Occasion, ...] = Field(
        ("worse", "better", "failed", "missed", "recovered"),
        strict=False,
        description="changes of state that are told; a night like the one before is not",
    )
    to: tuple[Channel, ...] = Field(
        (), strict=False, description="where notices go; []: nowhere", examples=[[{"webhook": "$SLACK_URL"}]]
    )
    digest: Cron | None = Field(
        None, description="when the digest is sent, a cron expression; null: never", examples=["0 8 * * 1"]
    )
    alive: Url | None = Field(
        None,
        description="URL that is pinged when a night starts and ends, so that a dead scheduler is noticed; "
        "null: none",
        examples=["$HEALTHCHECK_URL"],
    )
