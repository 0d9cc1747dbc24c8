"""Any service that the optional package apprise knows, by its URL."""

import importlib
import importlib.util
import logging
import shlex
import sys

from platform.nights.ledger.records import Told
from platform.nights.telling.channels.not_delivered import NotDelivered
from platform.nights.telling.channels.variables import resolved

REQUIREMENT = "apprise>=1.9"


def send_apprise(url: str, told: Told) -> None:
    """Raises NotDelivered, or UserError where a variable is not set."""
    if importlib.util.find_spec("apprise") is None:
        install = shlex.join([sys.executable, "-m", "pip", "install", REQUIREMENT])
        raise NotDelivered(f"the package apprise is not installed; install it with: {install}")
    apprise = importlib.import_module("apprise")
    title, _, body = told.text.partition("\n")
    logger = logging.getLogger("apprise")
    was = logger.propagate
    logger.propagate = False  # what it logs may hold the URL
    try:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            service = apprise.Apprise()
            if not service.add(resolved(url)):
                raise NotDelivered("it is no URL that apprise knows")
            if not service.notify(title=title, body=body.strip() or title):
                said = log.getvalue().strip().replace("\n", "; ")
                raise NotDelivered(f"apprise did not deliver it: {said}" if said else "not delivered")
    finally:
        logger.propagate = was
