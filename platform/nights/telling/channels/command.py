"""A program of the user's: the notice is on its stdin."""

import os
import signal
import subprocess
from collections.abc import Sequence
from tempfile import TemporaryFile

from platform.nights.ledger.records import Told
from platform.nights.telling.channels.not_delivered import NotDelivered

TIMEOUT_S = 60.0


def send_command(command: Sequence[str], told: Told) -> None:
    """Run it with ``NIGHT`` and ``OCCASION`` in its environment; there is no shell but one that it names.

    Raises:
        NotDelivered: it cannot be started, ends with another code than 0, or not within 60 s.
    """
    environment = {**os.environ, "NIGHT": told.identity, "OCCASION": told.occasion}
    # Files instead of pipes: neither a program that reads nothing nor one that leaves a child behind holds
    # this process up.
    with TemporaryFile() as given, TemporaryFile() as errors:
        given.write(f"{told.text}\n".encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise NotDelivered(f"cannot be started: {error.strerror}") from None
        try:
            code = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise NotDelivered(f"did not end within {TIMEOUT_S:g} s and was killed") from None
        if code != 0:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            ended = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
            raise NotDelivered(f"{ended}: {said}" if said else ended)
