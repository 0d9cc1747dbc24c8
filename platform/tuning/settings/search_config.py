"""The section search: what selects, how trials are drawn and stopped, where the study is kept."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from platform.config.section import Section, reject
from platform.tuning.settings.budget_config import BudgetConfig, as_section
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.goals import Goal, check_metrics, natural_direction
from platform.tuning.settings.sampler_config import CurvesSampler, Sampler, TpeSampler
from platform.tuning.settings.scheduler_config import AshaScheduler, Scheduler
from platform.tuning.statistic import Direction, Statistic


def _is_a_constraint(text: str) -> str:
    parse_constraint(text)
    return text


def _is_a_start(entry: dict[str, Any]) -> dict[str, Any]:
    if not entry:
        raise ValueError("is empty: write settings, {from: SWEEP, best: N} or {published: true}")
    for kind, keys in (("from", {"from", "best"}), ("published", {"published"})):
        if kind in entry and (others := sorted(set(entry) - keys)):
            raise ValueError(f"{{{kind}: …}} is a start by itself, but here is also {', '.join(others)}")
    if not isinstance(entry.get("from", ""), str):
        raise ValueError(f"from must be the name of a sweep, got {entry['from']!r}")
    if "from" in entry and (type(best := entry.get("best", 1)) is not int or best < 1):
        raise ValueError(f"best must be a whole number >= 1, got {best!r}")
    if entry.get("published", True) is not True:
        raise ValueError(f"published must be true, got {entry['published']!r}")
    return entry


class ConfirmConfig(Section):
    """The best trials run again with other seeds after the search, to their end."""

    top: int = Field(3, ge=1, description="how many of the best, of those that ran all their epochs")
    seeds: int = Field(3, ge=2, description="with how many other seeds each")


class SearchConfig(Section):
    """What is looked for, how trials are drawn, which of them are stopped early."""

    metric: str | tuple[str, ...] | dict[str, Direction] = Field(
        "val/accuracy",
        description="what selects: a val/… metric, never the test split; or several goals, as a list or with "
        "directions as {val/accuracy: max, time/images_per_s: max}. Trials are then not ranked: those that "
        "no other beats in all goals are the result. By the first, a val/… metric, the scheduler stops "
        "trials (it can judge by one alone) and checkpoints are kept; the others may be costs, too",
    )
    mode: Literal["auto", "max", "min"] = Field(
        "auto", description="of a single metric; auto: min for val/loss and val/ece"
    )
    trials: int = Field(16, ge=1, description="trials to sample; a YAML without a range runs one")
    budget: BudgetConfig = BudgetConfig()
    statistic: Statistic = Field(
        "best",
        description="of a trial's epochs, by which trials are ranked and which the sampler learns from: the "
        "best, the last, or the mean of the last three; of several goals the first decides which epochs "
        "these are, and a cost is the median of all",
    )
    sampler: Sampler = Field(
        CurvesSampler(), description="how trials are drawn; by default tpe where there are several goals"
    )
    scheduler: Scheduler = AshaScheduler()
    storage: str | None = Field(
        None,
        min_length=1,
        description="Optuna's storage of the study, e.g. sqlite:///optuna.db; null: a journal in the sweep's "
        "folder",
    )

    confirm: ConfirmConfig | None = Field(
        None, description="whether the best are as good with other seeds; null: their one seed is believed"
    )

    reuse: bool = Field(
        False,
        description="take a trial that ran to its end before, with the same settings, code and data, from "
        "this MLflow instead of training it again",
    )

    constraints: tuple[Annotated[str, AfterValidator(_is_a_constraint)], ...] = Field(
        (),
        strict=False,
        description="conditions on a trial's settings, e.g. optim.lr * batch_size < 10; a sample that does "
        "not fulfil all of them is not trained",
    )

    start_with: tuple[Annotated[dict[str, Any], AfterValidator(_is_a_start)], ...] = Field(
        (),
        strict=False,
        description="what the study begins with: settings, of which the sampler draws what is left out; "
        "{from: SWEEP, best: N}, an earlier sweep's best trials; {published: true}, the settings of the "
        "methods' authors",
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_sampler(cls, given: Any) -> Any:
        """``curves`` looks for a single goal."""
        several = isinstance(given, dict) and isinstance(given.get("metric"), list | tuple | dict)
        return {"sampler": TpeSampler(), **given} if several else given

    @field_validator("metric", mode="before")
    @classmethod
    def _may_be_looked_for(cls, metric: Any) -> Any:
        check_metrics(metric)
        return tuple(metric) if isinstance(metric, list) else metric

    @model_validator(mode="after")
    def _directions_are_said_once(self) -> "SearchConfig":
        if not isinstance(self.metric, str) and self.mode != "auto":
            message = "is of a single metric; of several goals write metric: {val/accuracy: max, …}"
            reject("mode", message, self.mode)
        return self

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_section(cls, budget: Any) -> Any:
        return as_section(budget)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What is looked for, the first one foremost."""
        if isinstance(self.metric, dict):
            return tuple(Goal(name, direction) for name, direction in self.metric.items())
        if isinstance(self.metric, tuple):
            return tuple(Goal(name, natural_direction(name)) for name in self.metric)
        return (Goal(self.metric, natural_direction(self.metric) if self.mode == "auto" else self.mode),)

    @property
    def first(self) -> Goal:
        """The one goal, or the one that schedulers and checkpoints go by."""
        return self.goals[0]
