"""E-mail through an SMTP server."""

import hashlib
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from platform.nights.ledger.records import Told
from platform.nights.plan.notify_config import EmailConfig
from platform.nights.telling.channels.not_delivered import NotDelivered
from platform.nights.telling.channels.variables import resolved

TIMEOUT_S = 20.0


def send_email(config: EmailConfig, told: Told) -> None:
    """Raises NotDelivered, or UserError where a variable is not set."""
    user = resolved(config.user) if config.user is not None else None
    password = resolved(config.password) if config.password is not None else ""
    try:
        with _connect(config) as server:
            if config.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if user is not None:
                server.login(user, password)
            server.send_message(message(config, told))
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise NotDelivered(f"{config.host}:{config.port}: SMTP {error.smtp_code} {words}") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: a password beyond ASCII
        raise NotDelivered(f"{config.host}:{config.port}: {error or type(error).__name__}") from None


def message(config: EmailConfig, told: Told) -> EmailMessage:
    """Its Message-ID depends on the notice only: a second copy is recognised as one."""
    mail = EmailMessage()
    mail["Subject"] = told.text.partition("\n")[0]
    mail["From"], mail["To"] = config.sender, config.to
    mail["Date"] = format_datetime(datetime.fromisoformat(told.at))
    number = hashlib.sha256(f"{told.key}\0{config.to}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{number}@{config.sender.rpartition('@')[2]}>"
    # Not every server takes 8-bit lines.
    mail.set_content(told.text + "\n", cte="quoted-printable")
    return mail


def _connect(config: EmailConfig) -> smtplib.SMTP:
    if config.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(config.host, config.port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(config.host, config.port, timeout=TIMEOUT_S)
