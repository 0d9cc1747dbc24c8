"""The section search.budget: limits on time, epochs and GPU hours, over all processes of a sweep."""

import re
from typing import Any

from pydantic import Field, field_validator

from platform.config.section import Section

DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BudgetConfig(Section):
    """Limits of a sweep; the first that is reached ends it. None: no limit."""

    time: str | None = Field(
        None,
        description="wall time while trials run, such as 90s, 30m, 2h or 1d; null: no limit",
        examples=["2h"],
    )
    epochs: int | None = Field(
        None, ge=1, description="epochs that all trials together may do; null: no limit", examples=[400]
    )
    gpu_hours: float | None = Field(
        None,
        gt=0,
        description="hours that trials run, times the GPUs that each of them holds; null: no limit",
        examples=[8.0],
    )

    @field_validator("time")
    @classmethod
    def _is_a_duration(cls, time: str | None) -> str | None:
        if time is not None:
            seconds(time)
        return time

    @property
    def time_s(self) -> float | None:
        return None if self.time is None else seconds(self.time)

    def __str__(self) -> str:
        limits = {"of wall time": self.time, "epochs": self.epochs, "GPU hours": self.gpu_hours}
        return " or ".join(f"{_plain(limit)} {what}" for what, limit in limits.items() if limit is not None)


def as_section(given: Any) -> Any:
    """``budget: 2h`` is short for ``{time: 2h}``, ``null`` for no limit; raises ValueError for others."""
    if given is None:
        return {}
    if isinstance(given, str):
        seconds(given)
        return {"time": given}
    if isinstance(given, dict | BudgetConfig):
        return given
    raise ValueError(f"must be a time such as 2h, or a section of time, epochs and gpu_hours, got {given!r}")


def seconds(duration: str) -> float:
    """``90s``, ``30m``, ``2h`` or ``1d`` in seconds; raises ValueError for anything else."""
    match = DURATION.fullmatch(duration.strip())
    if match is None or float(match["number"]) == 0:
        raise ValueError(f"must be a time above zero such as 90s, 30m, 2h or 1d, got {duration!r}")
    return float(match["number"]) * SECONDS[match["unit"]]


def _plain(limit: str | float) -> str:
    return limit if isinstance(limit, str) else f"{limit:,g}"
