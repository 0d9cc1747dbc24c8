"""What each channel is called in the ledger, and how a notice gets there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from platform.config.errors import UserError
from platform.nights.ledger.records import Told
from platform.nights.plan.notify_config import Channel, NotifyConfig, variables_in
from platform.nights.telling.channels.deadline import within
from platform.nights.telling.channels.not_delivered import NotDelivered
from platform.nights.telling.channels.variables import without_secrets

LONGEST_PROBLEM = 300
DEADLINE_S = 60.0
"""Of a channel, whatever its server does: one that sends a byte a second never reaches a socket's timeout."""


def channels(notify: NotifyConfig) -> dict[str, Channel]:
    """The channels by name, such as ``webhook $SLACK_URL``, without secrets; equal names are numbered."""
    seen: Counter[str] = Counter()
    named = {}
    for channel in notify.to:
        name = name_of(channel)
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name} ({seen[name]})"] = channel
    return named


def name_of(channel: Channel) -> str:
    if channel.webhook is not None:
        return f"webhook {name_of_url(channel.webhook)}"
    if channel.email is not None:
        return f"email {channel.email.to}"
    if channel.command is not None:
        return f"command {Path(channel.command[0]).name}"
    return f"apprise {name_of_url(channel.apprise or '')}"


def name_of_url(url: str) -> str:
    """Its variables; without one its host, as the rest of the URL may be the secret itself."""
    if names := variables_in(url):
        return " ".join(f"${name}" for name in names)
    parts = urlsplit(url)
    return (parts.hostname or parts.scheme) if parts.scheme in ("http", "https") else f"{parts.scheme}://"


def send(channel: Channel, told: Told, secrets: Sequence[str] = ()) -> str | None:
    """Bring the notice there. The problem in one line without secrets; None where it was delivered.

    ``secrets``: other settings that may hold one, as those of the plan's other channels.
    """
    try:
        if channel.command is not None:
            _send(channel, told)  # it has a deadline of its own, and is killed then
        else:
            within(DEADLINE_S, partial(_send, channel, told))
    except (NotDelivered, UserError) as error:
        # Cut afterwards: half of a secret would not be recognised.
        problem = without_secrets(" ".join(str(error).split()), [*_settings(channel), *secrets])
        return problem[:LONGEST_PROBLEM]
    return None


def _send(channel: Channel, told: Told) -> None:
    # smtplib, ssl and urllib take a tenth of a second, and most ticks have nothing to tell.
    if channel.webhook is not None:
        from platform.nights.telling.channels.webhook import send_webhook

        send_webhook(channel.webhook, told)
    elif channel.email is not None:
        from platform.nights.telling.channels.email import send_email

        send_email(channel.email, told)
    elif channel.command is not None:
        from platform.nights.telling.channels.command import send_command

        send_command(channel.command, told)
    elif channel.apprise is not None:
        from platform.nights.telling.channels.apprise import send_apprise

        send_apprise(channel.apprise, told)


def secret_settings(notify: NotifyConfig) -> list[str]:
    """The settings of all channels that may hold a secret, or take one from the environment."""
    of_channels = [setting for channel in notify.to for setting in _settings(channel)]
    return [*of_channels, *([notify.alive] if notify.alive is not None else [])]


def _settings(channel: Channel) -> Iterator[str]:
    yield from filter(None, (channel.webhook, channel.apprise, *(channel.command or ())))
    if channel.email is not None:
        yield from filter(None, (channel.email.user, channel.email.password))
