"""Nights as the ledger records them, for tests of what is said and drawn of them."""

from datetime import date, datetime, timedelta, timezone
from statistics import mean
from typing import Any

from platform.config.load import known_space
from platform.nights.ledger.records import Comparison, Fingerprint, Night, State, SweepRun, Word
from platform.nights.plan.plan_config import PlanConfig

METRIC = "val/accuracy"
NOW = datetime(2026, 12, 2, 23, 10, tzinfo=timezone(timedelta(hours=1)))


def make_plan(**notify: Any) -> PlanConfig:
    tree = {
        "time_zone": "Europe/Berlin",
        "notify": notify,
        "nights": {"digits": {"at": "30 22 * * *", "canary": {"space": "canary.yaml"}}},
    }
    return known_space(tree, "plan.yaml", PlanConfig).first()


def fingerprint(**changes: Any) -> Fingerprint:
    fields: dict[str, Any] = {
        "commit": "a" * 40,
        "dirty": False,
        "code": "code",
        "lock": "lock",
        "spaces": {"canary": "space"},
        "data": {"canary": "data"},
        "device": "cpu",
    }
    return Fingerprint(**(fields | changes))


def comparison(
    verdict: Word | None,
    values: tuple[float, ...] = (0.91, 0.90, 0.92),
    level: float | None = 0.91,
    *,
    subject: str = "canary",
    half: float = 0.02,
    series: str = "cpu",
    **changes: Any,
) -> Comparison:
    difference = None if level is None else mean(values) - level
    given: dict[str, Any] = {"why": "as planned", **changes}
    return Comparison(
        subject=subject,
        metric=METRIC,
        direction="max",
        verdict=verdict,
        values=values,
        all_values=values,
        mean=mean(values),
        series=series,
        level=level,
        difference=difference,
        low=None if difference is None else difference - half,
        high=None if difference is None else difference + half,
        **given,
    )


def night(day: int | str, state: State = "done", verdict: Word | None = None, **fields: Any) -> Night:
    """``day``: of December 2026, or a date. A done night with a verdict has a canary's comparison."""
    when = day if isinstance(day, str) else f"2026-12-{day:02d}"
    compared = {"worse": (0.86, 0.85, 0.87), "better": (0.95, 0.94, 0.96)}
    if state == "done" and "comparisons" not in fields and verdict is not None:
        fields["comparisons"] = (comparison(verdict, compared.get(verdict, (0.91, 0.90, 0.92))),)
    if state == "done":
        fields.setdefault("sweeps", (sweep(f"digits@{when}-canary"),))
        fields.setdefault("fingerprint", fingerprint())
    return Night(
        night="digits", date=when, state=state, due=f"{when}T22:30:00+01:00", verdict=verdict, **fields
    )


def sweep(name: str, *, subject: str = "canary", seconds: float = 600.0, **fields: Any) -> SweepRun:
    given: dict[str, Any] = {
        "space": "search_spaces/digits.yaml",
        "metric": METRIC,
        "best": 0.93,
        "trials": 5,
        "failed": 0,
        "gpu_seconds": 0.0,
        "report": None,
    }
    return SweepRun(subject=subject, name=name, seconds=seconds, **(given | fields))


def days_from(first: str, count: int) -> list[str]:
    start = date.fromisoformat(first)
    return [(start + timedelta(days=number)).isoformat() for number in range(count)]
