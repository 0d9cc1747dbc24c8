"""A plan that keeps two nights, and the nights that it had."""

from pathlib import Path
from typing import Any

from platform.nights.plan.plan_config import PlanConfig
from tests.nights.made_nights import days_from

DAYS = days_from("2026-09-01", 12)


def plan_of(tmp_path: Path, **keep: Any) -> PlanConfig:
    start = {"last": 0, "champion": True}
    digits = {
        "at": "30 22 * * *",
        "canary": {"space": "canary.yaml"},
        "keep": {"nights": 2, "monthly": False, **keep},
        "start_with": start,
    }
    return PlanConfig.model_validate(
        {
            "time_zone": "Europe/Berlin",
            "state": str(tmp_path / "state"),
            "out": str(tmp_path / "runs"),
            "nights": {"digits": digits},
        }
    )
