"""Everything a YAML says: a trial's settings and, beside them, what is one for the whole sweep."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from platform.config.section import Section, reject
from platform.datasets.data_config import DataConfig
from platform.tracking.tracking_config import TrackingConfig
from platform.training.trial_config import TrialConfig
from platform.tuning.starting_point import find_start, find_teacher
from platform.tuning.sweep_folder import NAME

CLASSIFICATION = ("val/accuracy", "val/macro_accuracy", "val/loss", "val/ece")
RETRIEVAL = ("val/recall_at_1", "val/rank_5", "val/rank_10", "val/map")
METRICS = (*CLASSIFICATION, *RETRIEVAL)
"""What may select: metrics of data with classes, and of data with identities."""
LOWER_IS_BETTER = ("val/loss", "val/ece")
DURATION = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class TpeSampler(Section):
    """Optuna's tree-structured Parzen estimator."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: int = Field(10, ge=1, description="random trials before the model is used")
    multivariate: bool = Field(True, description="model parameters jointly")


class RandomSampler(Section):
    name: Literal["random"] = "random"


class AshaScheduler(Section):
    """Asynchronous successive halving (Li et al., MLSys 2020): stops the worse trials at each rung."""

    name: Literal["asha"] = "asha"
    grace_period: int = Field(1, ge=1, description="epochs that every trial gets")
    reduction_factor: int = Field(3, ge=2, description="one in this many goes on at each rung")


class NoScheduler(Section):
    """Every trial runs all its epochs."""

    name: Literal["none"] = "none"


class SearchConfig(Section):
    metric: str = Field("val/accuracy", description="what selects: a val/… metric, never the test split")
    mode: Literal["auto", "max", "min"] = Field("auto", description="auto: min for val/loss and val/ece")
    trials: int = Field(16, ge=1, description="trials to sample; a YAML without a range runs one")
    budget: str | None = Field(
        None, description="wall time after which the sweep is stopped: 90s, 30m, 2h, 1d"
    )
    sampler: Annotated[TpeSampler | RandomSampler, Field(discriminator="name")] = TpeSampler()
    scheduler: Annotated[AshaScheduler | NoScheduler, Field(discriminator="name")] = AshaScheduler()

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

    @field_validator("budget")
    @classmethod
    def _is_a_duration(cls, budget: str | None) -> str | None:
        if budget is not None:
            seconds(budget)
        return budget

    @property
    def direction(self) -> Literal["max", "min"]:
        if self.mode == "auto":
            return "min" if self.metric in LOWER_IS_BETTER else "max"
        return self.mode

    @property
    def budget_s(self) -> float | None:
        return None if self.budget is None else seconds(self.budget)


Placement = Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"]


class ResourcesConfig(Section):
    """What one trial gets; how many run at once follows from what is there."""

    workers: int = Field(1, ge=1, description="processes that share each batch of a trial")
    cpus_per_worker: int = Field(1, ge=1, description="CPU cores (and torch threads) of each")
    gpus_per_worker: float | Literal["auto"] = Field(
        "auto", description="share of a GPU for each, 0 to 1; auto: 1 where the cluster has any, else 0"
    )
    placement: Placement = Field(
        "PACK", description="Ray's strategy for a trial's workers: near each other, or on different machines"
    )
    start_timeout_s: float = Field(
        300, gt=0, description="seconds after which a trial without all its workers has failed"
    )
    max_failures: int = Field(
        3, ge=0, description="times that a trial goes on from its last epoch after a process or machine died"
    )

    @field_validator("gpus_per_worker")
    @classmethod
    def _is_a_share(cls, gpus: float | str) -> float | str:
        if isinstance(gpus, float) and not 0 <= gpus <= 1:
            raise ValueError(f"must be auto or a share from 0 to 1 (a worker is one process), got {gpus:g}")
        return gpus


class StorageConfig(Section):
    keep_checkpoints: int = Field(1, ge=1, description="best checkpoints kept a trial, besides the last")


class ReportConfig(Section):
    top: int = Field(5, ge=1, description="best trials whose checkpoints are evaluated and ensembled")


class SweepConfig(TrialConfig):
    """The YAML's root: a trial's settings, any of which may be a range, and the sweep's, which may not."""

    name: str | None = Field(
        None,
        pattern=f"^{NAME}$",
        description="the sweep, and its folder under runs/; by default the file's name",
    )
    experiment: str | None = Field(
        None,
        pattern=r"^\S(.*\S)?$",
        max_length=500,
        description="the MLflow experiment, which several sweeps may share; by default the sweep's name",
    )
    data: DataConfig = DataConfig()
    search: SearchConfig = SearchConfig()
    resources: ResourcesConfig = ResourcesConfig()
    storage: StorageConfig = StorageConfig()
    tracking: TrackingConfig = TrackingConfig()
    report: ReportConfig = ReportConfig()

    @model_validator(mode="after")
    def _rungs_fit(self) -> "SweepConfig":
        scheduler = self.search.scheduler
        if isinstance(scheduler, AshaScheduler) and scheduler.grace_period > self.total_epochs:
            message = f"must be <= epochs ({self.total_epochs})"
            reject("search.scheduler.grace_period", message, scheduler.grace_period)
        return self

    @model_validator(mode="after")
    def _metric_is_of_the_data(self) -> "SweepConfig":
        of_data, what = (RETRIEVAL, "identities") if self.data.identities else (CLASSIFICATION, "classes")
        if self.search.metric not in of_data:
            message = f"must be one of {', '.join(of_data)}: the data have {what}"
            reject("search.metric", message, self.search.metric)
        return self

    def trial(self) -> TrialConfig:
        """The part that one trial is made from; ``init_from`` and ``teacher`` name what they mean in full."""
        found = {"init_from": find_start(self.init_from), "teacher": find_teacher(self.teacher)}
        own = self.model_copy(update=found)
        return TrialConfig.model_validate_json(own.model_dump_json(include=set(TrialConfig.model_fields)))


SWEEP_FIELDS = tuple(name for name in SweepConfig.model_fields if name not in TrialConfig.model_fields)
"""The sections that are one for the whole sweep: no range may stand in them."""


def seconds(duration: str) -> float:
    """``90s``, ``30m``, ``2h`` or ``1d`` in seconds; raises ValueError for anything else."""
    match = DURATION.fullmatch(duration.strip())
    if match is None or float(match["number"]) == 0:
        raise ValueError(f"must be a time above zero such as 90s, 30m, 2h or 1d, got {duration!r}")
    return float(match["number"]) * SECONDS[match["unit"]]
