"""The section search: what selects, how trials are drawn and stopped, where the study is kept."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from platform.config.section import Section
from platform.tuning.budget_config import BudgetConfig, as_section
from platform.tuning.constraint import parse_constraint
from platform.tuning.sampler_config import Sampler, TpeSampler
from platform.tuning.scheduler_config import AshaScheduler, Scheduler
from platform.tuning.statistic import Statistic

CLASSIFICATION = ("val/accuracy", "val/macro_accuracy", "val/loss", "val/ece")
RETRIEVAL = ("val/recall_at_1", "val/rank_5", "val/rank_10", "val/map")
METRICS = (*CLASSIFICATION, *RETRIEVAL)
"""What may select: metrics of data with classes, and of data with identities."""
LOWER_IS_BETTER = ("val/loss", "val/ece")


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

    metric: str = Field("val/accuracy", description="what selects: a val/… metric, never the test split")
    mode: Literal["auto", "max", "min"] = Field("auto", description="auto: min for val/loss and val/ece")
    trials: int = Field(16, ge=1, description="trials to sample; a YAML without a range runs one")
    budget: BudgetConfig = BudgetConfig()
    statistic: Statistic = Field(
        "best",
        description="of a trial's epochs, by which trials are ranked and which the sampler learns from: the "
        "best, the last, or the mean of the last three",
    )
    sampler: Sampler = TpeSampler()
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

    @field_validator("metric")
    @classmethod
    def _selects_on_validation(cls, metric: str) -> str:
        if metric.startswith("test/"):
            raise ValueError(
                f"the test split never selects, it is scored once for the finalists: use one of "
                f"{', '.join(METRICS)}, got {metric!r}"
            )
        if metric.startswith("val/clean"):
            raise ValueError(
                f"clean labels never select by themselves: where there is a clean validation split, say "
                f"data.val_label: clean and select on val/accuracy, got {metric!r}"
            )
        if metric not in METRICS:
            raise ValueError(f"must be one of {', '.join(METRICS)}, got {metric!r}")
        return metric

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_a_section(cls, budget: Any) -> Any:
        return as_section(budget)

    @property
    def direction(self) -> Literal["max", "min"]:
        if self.mode == "auto":
            return "min" if self.metric in LOWER_IS_BETTER else "max"
        return self.mode
