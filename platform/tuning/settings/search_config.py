"""The section search: goals, number of trials, sampler, scheduler, budget, constraints, start points."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from platform.config.secrets import Address
from platform.config.section import Section, reject
from platform.tuning.goals import Direction, Goal, Statistic, check_metrics, natural_direction
from platform.tuning.settings.budget_config import BudgetConfig, as_section
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.settings.sampler_config import CurvesSampler, Sampler, TpeSampler
from platform.tuning.settings.scheduler_config import AshaScheduler, Scheduler


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
    """After the search, run the best trials again with other seeds, to their end."""

    top: int = Field(
        3, ge=1, description="how many trials are repeated: the best of those that ran all their epochs"
    )
    seeds: int = Field(3, ge=2, description="how often each of them is repeated, each time with another seed")
    reserve: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of search.budget that the search leaves for the repeats; 0: the search may "
        "spend all, and then nothing is repeated",
        examples=[0.2],
    )


class SearchConfig(Section):
    """What the search optimises, how it draws trials and which of them it stops early."""

    metric: str | tuple[str, ...] | dict[str, Direction] = Field(
        "val/accuracy",
        description="the metric that trials are ranked by: a val/… metric, never the test split; of "
        "identities val/map by default. Several goals, as a list or as {val/accuracy: max, "
        "time/images_per_s: max}, give no ranking: the result are the trials that no other beats in all "
        "goals. The first goal, a val/… metric, decides which trials the scheduler stops and which "
        "checkpoints are kept; the others may be costs",
        examples=["val/macro_accuracy", {"val/accuracy": "max", "time/images_per_s": "max"}],
    )
    mode: Literal["auto", "max", "min"] = Field(
        "auto",
        description="whether larger or smaller values of a single metric are better; auto: smaller for "
        "val/loss and val/ece, else larger",
    )
    trials: int = Field(
        16, ge=1, description="number of trials; a YAML without a range runs one", examples=[40]
    )
    budget: BudgetConfig = Field(
        BudgetConfig(),
        description="limits of the whole sweep, the first that is reached ends it; 2h is short for {time: "
        "2h}",
        examples=["2h", {"time": "2h", "epochs": 400}],
    )
    statistic: Statistic = Field(
        "best",
        description="the epochs that decide a trial's value, by which it is ranked and from which the "
        "sampler learns: its best, its last, or the mean of its last three. Of several goals the first "
        "decides which epochs these are; a cost is the median of all epochs",
    )
    sampler: Sampler = Field(
        CurvesSampler(),
        description="how the settings of trials are drawn; by default curves, and tpe where there are "
        "several goals",
        examples=[{"name": "tpe", "n_startup_trials": 10}],
    )
    scheduler: Scheduler = Field(
        AshaScheduler(),
        description="which trials are stopped early",
        examples=[{"name": "median", "grace_period": 3}],
    )
    storage: Address | None = Field(
        None,
        min_length=1,
        description="where Optuna keeps the study, e.g. sqlite:///optuna.db; null: in a journal in the "
        "sweep's folder",
        examples=["sqlite:///optuna.db"],
    )

    confirm: ConfirmConfig | None = Field(
        None,
        description="after the search, repeat the best trials with other seeds, to tell the best from the "
        "luckiest; null: do not",
        examples=[{"top": 3, "seeds": 3}],
    )

    reuse: bool = Field(
        False,
        description="do not train a trial again that this MLflow has with the same settings, code and "
        "data: take its results",
    )

    constraints: tuple[Annotated[str, AfterValidator(_is_a_constraint)], ...] = Field(
        (),
        strict=False,
        description="conditions on a trial's settings, e.g. optim.lr * batch_size < 10; a sample that breaks "
        "one is not trained",
        examples=[["optim.lr * batch_size < 10"]],
    )

    start_with: tuple[Annotated[dict[str, Any], AfterValidator(_is_a_start)], ...] = Field(
        (),
        strict=False,
        description="the first trials: settings, of which the sampler draws what is left out; "
        "{from: SWEEP, best: N}, an earlier sweep's best trials; {published: true}, the settings of the "
        "methods' authors",
        examples=[[{"optim.lr": 0.1}, {"published": True}], [{"from": "peer", "best": 5}]],
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_sampler(cls, given: Any) -> Any:
        """With several goals the default is ``tpe``: ``curves`` optimises a single goal."""
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
        """The goals, the first being the most important."""
        if isinstance(self.metric, dict):
            return tuple(Goal(name, direction) for name, direction in self.metric.items())
        if isinstance(self.metric, tuple):
            return tuple(Goal(name, natural_direction(name)) for name in self.metric)
        return (Goal(self.metric, natural_direction(self.metric) if self.mode == "auto" else self.mode),)

    @property
    def first(self) -> Goal:
        """The first goal, by which schedulers stop trials and checkpoints are kept."""
        return self.goals[0]
