"""The clock of a tick: the machine's, or one that ``--now`` sets and that goes on from there."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from platform.config.errors import UserError


@dataclass(frozen=True)
class Clock:
    zone: ZoneInfo
    start: datetime | None = None
    _began: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """The time in the plan's zone."""
        if self.start is None:
            return datetime.now(UTC).astimezone(self.zone)
        elapsed = timedelta(seconds=time.monotonic() - self._began)
        return (self.start.astimezone(UTC) + elapsed).astimezone(self.zone)


def parse_now(text: str, zone: tzinfo) -> datetime:
    """``2026-11-30T22:41+01:00``; without an offset it is of the plan's zone.

    Raises:
        UserError: it is no time.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--now: must be a time such as 2026-11-30T22:41+01:00, got {text!r}") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
