"""What the YAML of a plan may say: nights with their schedule, spaces, canary, comparison, notices."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator

from platform.config.section import Problem, Section, combination
from platform.nights.plan.notify_config import NotifyConfig
from platform.nights.plan.schedule import check_cron, check_time_of_day, hours_until
from platform.tuning.goals import METRICS
from platform.tuning.settings.budget_config import BudgetConfig, as_section, seconds

NIGHT = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
NOT_PLANNED = "not in the plan any more"
"""Said of a night that the ledger knows and the plan no longer has."""
LONGEST_NIGHT_HOURS = 16
"""A ``finish_by`` later than this after ``at`` is taken for one that lies before it."""


def _is_a_duration(text: str) -> str:
    seconds(text)
    return text


Duration = Annotated[str, AfterValidator(_is_a_duration)]


class SpaceEntry(Section):
    """A search space of a night."""

    space: str = Field(
        min_length=1, description="its YAML file", examples=["search_spaces/cross_entropy.yaml"]
    )
    weight: float = Field(1.0, gt=0, description="its share of the night's budget, relative to the others")
    overrides: tuple[str, ...] = Field(
        (),
        strict=False,
        description="settings that replace those of the file, key.path=value, as on the command line",
        examples=[["epochs=4", "search.trials=4"]],
    )


class CanaryConfig(Section):
    """A space without ranges: the same settings every night, so that a change is the code's or the data's."""

    space: str = Field(
        min_length=1,
        description="its YAML file, which must not contain a range",
        examples=["search_spaces/canaries/digits.yaml"],
    )
    seeds: int = Field(5, ge=3, description="number of trials, which differ in their seed alone")
    overrides: tuple[str, ...] = Field(
        (),
        strict=False,
        description="settings that replace those of the file, key.path=value, as on the command line",
        examples=[["epochs=4", "search.trials=4"]],
    )


class ConfirmEntry(Section):
    """How a space's best trials are repeated with other seeds; only these repeats are compared."""

    top: int = Field(1, ge=1, description="how many of the best trials are repeated")
    seeds: int = Field(3, ge=2, description="how often each of them is repeated, each time with another seed")


class StartWith(Section):
    """Trials of earlier nights that each search begins with."""

    last: int = Field(0, ge=0, description="the best trials of the last night's sweep of the same space")
    champion: bool = Field(False, description="the best trial of the sweep that the champion came from")


class CompareConfig(Section):
    """What is compared with the nights before, and how small a change does not matter."""

    metrics: tuple[str, ...] = Field(
        ("val/accuracy",),
        strict=False,
        min_length=1,
        description="primary val/… metrics, each a mean over images if it is to have an interval over images",
    )
    min_change: float = Field(
        0.005,
        gt=0,
        description="the smallest difference that matters, in the metric's own unit (0.005: 0.5 pp)",
    )
    fresh_seeds: int | None = Field(
        None,
        ge=2,
        description="seeds that a suspicion adds in the same night, which alone decide; null: as many again",
        examples=[8],
    )

    @field_validator("metrics")
    @classmethod
    def _are_of_validation(cls, metrics: tuple[str, ...]) -> tuple[str, ...]:
        for metric in metrics:
            if metric not in METRICS:
                raise ValueError(f"must be among {', '.join(METRICS)} (test never decides), got {metric!r}")
        if len(set(metrics)) < len(metrics):
            raise ValueError("names a metric twice")
        return metrics


class KeepConfig(Section):
    """Which nights `prune` leaves."""

    nights: int = Field(30, ge=1, description="the last so many nights that ran")
    monthly: bool = Field(True, description="besides, the first night of each month")


class NightConfig(Section):
    """One night: when it is due, what runs, and what it is compared with."""

    at: str = Field(
        description="when it is due: a cron expression of five fields, in the plan's time zone",
        examples=["30 22 * * *"],
    )
    spaces: tuple[SpaceEntry, ...] = Field(
        (),
        strict=False,
        description="search spaces, each a file or {space: …, weight: …, overrides: […]}",
        examples=[["search_spaces/cross_entropy.yaml"]],
    )
    canary: CanaryConfig | None = Field(
        None,
        description="what tells a change of code or data: the same trials every night; null: none",
        examples=[{"space": "search_spaces/canaries/digits.yaml", "seeds": 8}],
    )
    finish_by: str | None = Field(
        None,
        description="time of day (HH:MM) by which it ends: sweeps get the time until then; null: none",
        examples=["07:00"],
    )
    budget: BudgetConfig = Field(
        BudgetConfig(),
        description="limits of all spaces together, shared by their weights; the canary is not in it",
        examples=["30m"],
    )
    min_time: Duration = Field("2m", description="with less time than this until finish_by it is skipped")
    confirm: ConfirmEntry = Field(ConfirmEntry(), description="repeats of each space's best trials")
    start_with: StartWith = Field(
        StartWith(),
        description="trials of earlier nights that each search begins with",
        examples=[{"last": 2, "champion": True}],
    )
    when: Literal["changed", "always"] = Field(
        "changed", description="changed: only if code, packages, spaces or data differ from the last night's"
    )
    heartbeat: Duration | None = Field(
        "7d", description="after so long without a run the canary runs though nothing changed; null: never"
    )
    overlap: Literal["skip", "wait", "stop"] = Field(
        "skip", description="where an earlier night of the plan still runs: skip this one, wait, or stop that"
    )
    start_within: Duration = Field("3h", description="later than this after it was due it counts as missed")
    jitter: Duration | None = Field(
        None,
        description="start later by a part of this, fixed for each night, so that many machines do not "
        "start at once; null: on time",
        examples=["10m"],
    )
    retry: int = Field(1, ge=0, description="how often a sweep that broke goes on from where it was")
    data: Literal["new", "both"] = Field(
        "new",
        description="both: if the data changed, the canary runs on the old data too, as far as it is there",
    )
    compare: CompareConfig = Field(
        CompareConfig(),
        description="what is compared with the nights before, and how small a change does not matter",
        examples=[{"metrics": ["val/accuracy"], "min_change": 0.02}],
    )
    promote: Literal["never", "if_better"] = Field(
        "never", description="if_better: register the best space's winner, as `reports --ship` does"
    )
    keep: KeepConfig = Field(
        KeepConfig(), description="which nights prune leaves", examples=[{"nights": 30, "monthly": True}]
    )

    @field_validator("at")
    @classmethod
    def _comes(cls, at: str) -> str:
        check_cron(at)
        return at

    @field_validator("finish_by")
    @classmethod
    def _is_a_time(cls, finish_by: str | None) -> str | None:
        if finish_by is not None:
            check_time_of_day(finish_by)
        return finish_by

    @field_validator("spaces", mode="before")
    @classmethod
    def _may_be_files(cls, spaces: Any) -> Any:
        if not isinstance(spaces, list | tuple):
            return spaces
        return tuple({"space": one} if isinstance(one, str) else one for one in spaces)

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_section(cls, budget: Any) -> Any:
        return as_section(budget)

    @combination
    def _runs_something(self) -> Iterator[Problem]:
        if not self.spaces and self.canary is None:
            yield Problem(
                "spaces", "must name a space where there is no canary: nothing would run", self.spaces
            )

    @combination
    def _ends_after_it_begins(self) -> Iterator[Problem]:
        if self.finish_by is None:
            return
        hours = hours_until(self.finish_by, self.at)
        if hours > LONGEST_NIGHT_HOURS:
            message = f"lies before at ({self.at}): it would come {hours:.1f} hours later"
            yield Problem("finish_by", message, self.finish_by)


class PlanConfig(Section):
    """The YAML's root: time zone, where state and sweeps are kept, notices, and the nights."""

    time_zone: str = Field(
        description="time zone of all times in the plan, an IANA name such as Europe/Berlin",
        examples=["Europe/Berlin"],
    )
    state: str = Field(
        "nightly", min_length=1, description="folder of the ledger, the page and what nights are compared by"
    )
    out: str = Field("runs", min_length=1, description="folder of the sweeps, as --out of platform.search")
    address: str | None = Field(
        None, description="address of a Ray cluster; null: Ray on this machine", examples=["auto"]
    )
    notify: NotifyConfig = Field(
        NotifyConfig(),
        description="who is told of changes of state",
        examples=[{"to": [{"webhook": "$SLACK_URL"}]}],
    )
    nights: dict[str, NightConfig] = Field(
        min_length=1,
        description="the nights, by name",
        examples=[{"digits": {"at": "30 22 * * *", "spaces": ["search_spaces/cross_entropy.yaml"]}}],
    )

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # unknown; malformed; a folder of zones
            raise ValueError(f"must be an IANA time zone such as Europe/Berlin, got {name!r}") from None
        return name

    @field_validator("nights")
    @classmethod
    def _are_names(cls, nights: dict[str, NightConfig]) -> dict[str, NightConfig]:
        for name in nights:
            if not re.fullmatch(NIGHT, name):
                raise ValueError(f"a night's name must be letters, digits, '.', '_' and '-', got {name!r}")
        return nights

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
