"""Everything a YAML says: a trial's settings and, beside them, what is one for the whole sweep."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ByteSize, Field, field_validator, model_validator

from platform.config.section import Section, reject
from platform.datasets.data_config import DataConfig
from platform.tracking.tracking_config import TrackingConfig
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.folder.checkpoint_place import is_a_place
from platform.tuning.goals import CLASSIFICATION, COSTS, RETRIEVAL, SHOTS
from platform.tuning.settings.scheduler_config import AshaScheduler, MedianScheduler
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.folder.starting_point import find_start, find_teacher
from platform.tuning.folder.sweep_folder import NAME

Family = Literal["flip", "sizes", "crops"]
"""The files of reports/views/."""
Placement = Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"]


class ResourcesConfig(Section):
    """What one trial gets; how many run at once follows from what is there, unless it says fewer."""

    workers: int = Field(1, ge=1, description="processes that share each batch of a trial")
    cpus_per_worker: int = Field(1, ge=1, description="CPU cores (and torch threads) of each")
    gpus_per_worker: float | Literal["auto"] = Field(
        "auto", description="share of a GPU for each, 0 to 1; auto: 1 where the cluster has any, else 0"
    )
    max_concurrent_trials: int | None = Field(
        None,
        ge=1,
        description="trials at once at most; null: as many as fit. One after another (1), each is drawn with "
        "all that those before it have shown, and the same seed gives the same sweep",
    )
    placement: Placement = Field(
        "PACK", description="Ray's strategy for a trial's workers: near each other, or on different machines"
    )
    start_timeout_s: float = Field(
        300,
        gt=0,
        description="seconds after which a trial without its workers has failed; where none runs, the sweep",
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

    @model_validator(mode="after")
    def _workers_have_a_gpu_each(self) -> "ResourcesConfig":
        gpus = self.gpus_per_worker
        if self.workers > 1 and isinstance(gpus, float) and 0 < gpus < 1:
            message = "must be 0, 1 or auto where workers > 1: through nccl no two processes share a GPU"
            reject("gpus_per_worker", message, gpus)
        return self


class StorageConfig(Section):
    """Where what the trials have learnt is kept, and how much of it."""

    keep_checkpoints: int = Field(1, ge=1, description="best checkpoints kept a trial, besides the last")
    max_bytes: ByteSize | None = Field(
        None,
        gt=0,
        description="what the checkpoints of all trials may take together, e.g. 20GB; those of ended trials "
        "that rank low are deleted for it while the sweep runs; null: no limit",
    )
    path: Annotated[str, AfterValidator(is_a_place)] | None = Field(
        None,
        min_length=1,
        description="folder of the sweeps' checkpoints and results, on any file system that pyarrow knows: "
        "s3://bucket/folder, gs://…, hdfs://…, a path; null: the sweep's own, runs/NAME",
    )


class ReportConfig(Section):
    top: int = Field(5, ge=1, description="best trials whose checkpoints are evaluated and ensembled")
    max_members: int = Field(
        8,
        ge=1,
        description="trials that an ensemble may have, each further look at an image counted as one; 1: no "
        "ensembles",
    )
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        description="milliseconds an image that an ensemble's members may take together, as measured while "
        "the report is made; null: no limit",
    )
    views: Annotated[tuple[Family, ...], Field(strict=False)] | None = Field(
        None,
        description="views in which the best trials are judged besides that of evaluation: flip: mirror "
        "images; sizes: the input 0.875 and 1.14 times as large; crops: four corners and the centre; null: "
        "flip, for trials that learnt from mirror images; []: none",
    )

    soup: bool = Field(
        True,
        description="try the mean of the weights of trials of one architecture, as far as it is better: pays "
        "where they are fine-tuned from the same weights",
    )

    concat: bool = Field(
        False,
        description="try a new linear classifier on the features of the best trials side by side, learnt "
        "from validation: takes minutes where there are many classes",
    )

    @field_validator("views")
    @classmethod
    def _are_named_once(cls, views: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if views is not None and len(set(views)) < len(views):
            raise ValueError("names a family of views twice")
        return views


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
        if (
            isinstance(scheduler, AshaScheduler | MedianScheduler)
            and scheduler.grace_period is not None
            and scheduler.grace_period > self.total_epochs
        ):
            message = f"must be <= epochs ({self.total_epochs})"
            reject("search.scheduler.grace_period", message, scheduler.grace_period)
        return self

    @model_validator(mode="after")
    def _trials_can_be_paused(self) -> "SweepConfig":
        scheduler = self.search.scheduler
        if scheduler.pauses and self.resources.workers > 1:
            message = "pauses trials, which one of several workers cannot be: take asha, which stops them"
            reject("search.scheduler.name", message, scheduler.name)
        if scheduler.pauses and self.resources.max_concurrent_trials is not None:
            message = "must be null, as the scheduler pauses trials until others of theirs have come as far"
            reject("resources.max_concurrent_trials", message, self.resources.max_concurrent_trials)
        return self

    @model_validator(mode="after")
    def _metric_is_of_the_data(self) -> "SweepConfig":
        of_data, what = (RETRIEVAL, "identities") if self.data.identities else (CLASSIFICATION, "classes")
        beside = COSTS if self.data.identities else (*SHOTS, *COSTS)
        for place, goal in enumerate(self.search.goals):
            known = (*of_data, *beside) if place else of_data
            if goal.metric not in known:
                message = f"must be one of {', '.join(known)}: the data have {what}"
                reject("search.metric", message, goal.metric)
        return self

    @model_validator(mode="after")
    def _kinds_are_of_classes(self) -> "SweepConfig":
        asked = {"views": self.report.views, "concat": self.report.concat}
        for name, value in asked.items():
            if value and self.data.identities:
                reject(
                    f"report.{name}", "is for data with classes; of identities embeddings are combined", value
                )
        return self

    def trial(self) -> TrialConfig:
        """The part that one trial is made from; ``init_from`` and ``teacher`` name what they mean in full."""
        found = {"init_from": find_start(self.init_from), "teacher": find_teacher(self.teacher)}
        own = self.model_copy(update=found)
        return TrialConfig.model_validate_json(own.model_dump_json(include=set(TrialConfig.model_fields)))


SWEEP_FIELDS = tuple(name for name in SweepConfig.model_fields if name not in TrialConfig.model_fields)
"""The sections that are one for the whole sweep: no range may stand in them."""
