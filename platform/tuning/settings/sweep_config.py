"""The root of a YAML: a trial's settings, and the sections that hold for the whole sweep."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ByteSize, Field, field_validator, model_validator

from platform.config.errors import show
from platform.config.section import Problem, Section, combination
from platform.datasets.data_config import DataConfig
from platform.tracking.tracking_config import TrackingConfig
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.folder.checkpoint_place import is_a_place
from platform.tuning.folder.starting_point import find_start, find_teacher
from platform.tuning.folder.sweep_folder import NAME
from platform.tuning.goals import CLASSIFICATION, COSTS, RETRIEVAL, SHOTS
from platform.tuning.settings.search_config import SearchConfig

Family = Literal["flip", "sizes", "crops"]
"""The files of reports/evaluation/views/."""
OF_IDENTITIES = "val/map"
"""What selects where the data have identities and the YAML names no metric."""
Placement = Literal["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"]


class ResourcesConfig(Section):
    """What one trial gets; as many trials run at once as fit, unless a smaller number is given."""

    workers: int = Field(1, ge=1, description="processes that share each batch of a trial", examples=[4])
    cpus_per_worker: int | Literal["auto"] = Field(
        "auto",
        description="CPU cores of each, and threads that load its images; auto: a machine's cores over its "
        "GPUs (of several kinds of machines the smallest number) where trials use GPUs, else 1",
    )
    gpus_per_worker: float | Literal["auto"] = Field(
        "auto",
        description="GPUs of each worker, a share from 0 to 1: with 0.5 two trials share a GPU; auto: 1 "
        "where the machine or cluster has any, else 0",
        examples=[0.5],
    )
    max_concurrent_trials: int | None = Field(
        None,
        ge=1,
        description="largest number of trials at once; null: as many as fit. With 1 each trial is drawn "
        "with all that those before it have shown, and the same seed gives the same sweep",
        examples=[1],
    )
    placement: Placement = Field(
        "PACK",
        description="Ray's strategy for the workers of a trial: PACK puts them on few machines, SPREAD on "
        "many; with STRICT_ a trial waits until exactly that is possible",
        examples=["SPREAD"],
    )
    start_timeout_s: float = Field(
        300,
        gt=0,
        description="seconds that a trial waits for its workers before it fails; the sweep ends if no trial "
        "runs for as long",
    )
    max_failures: int = Field(
        3,
        ge=0,
        description="how often a trial goes on from its last epoch after one of its processes or machines "
        "died",
    )

    @field_validator("cpus_per_worker", mode="before")
    @classmethod
    def _is_a_number_of_cores(cls, cores: object) -> object:
        is_number = isinstance(cores, int) and not isinstance(cores, bool) and cores >= 1
        if cores != "auto" and not is_number:
            raise ValueError(f"must be auto or a whole number from 1 on, got {show(cores)}")
        return cores

    @field_validator("gpus_per_worker")
    @classmethod
    def _is_a_share(cls, gpus: float | str) -> float | str:
        if isinstance(gpus, float) and not 0 <= gpus <= 1:
            raise ValueError(f"must be auto or a share from 0 to 1 (a worker is one process), got {gpus:g}")
        return gpus

    @combination
    def _workers_have_a_gpu_each(self) -> Iterator[Problem]:
        gpus = self.gpus_per_worker
        if self.workers > 1 and isinstance(gpus, float) and 0 < gpus < 1:
            message = "must be 0, 1 or auto where workers > 1: through nccl no two processes share a GPU"
            yield Problem("gpus_per_worker", message, gpus)


class StorageConfig(Section):
    """Where checkpoints are kept, and how many."""

    keep_checkpoints: int = Field(
        1, ge=1, description="best checkpoints that are kept of each trial, besides its last"
    )
    max_bytes: ByteSize | None = Field(
        None,
        gt=0,
        description="disk space that the checkpoints of all trials may take together, e.g. 20GB; while the "
        "sweep runs, those of ended trials that rank low are deleted for it; null: no limit",
        examples=["20GB"],
    )
    path: Annotated[str, AfterValidator(is_a_place)] | None = Field(
        None,
        min_length=1,
        description="folder of the sweeps' checkpoints and results, on any file system that pyarrow knows: "
        "s3://bucket/folder, gs://…, hdfs://…, a path; null: the sweep's own, runs/NAME",
        examples=["s3://bucket/sweeps"],
    )


class ReportConfig(Section):
    """What the report evaluates again, and which ensembles and views it tries."""

    top: int = Field(
        5,
        ge=1,
        description="how many of the best trials are evaluated again and may join ensembles",
        examples=[10],
    )
    max_members: int = Field(
        8,
        ge=1,
        description="largest number of members of an ensemble, each further view of an image counted as "
        "one; 1: no ensembles",
        examples=[4],
    )
    max_latency_ms: float | None = Field(
        None,
        gt=0,
        description="milliseconds an image that the members of an ensemble may take together, as measured "
        "while the report is made; null: no limit",
        examples=[5.0],
    )
    views: Annotated[tuple[Family, ...], Field(strict=False)] | None = Field(
        None,
        description="views in which the best trials are judged besides that of evaluation: flip: mirror "
        "images; sizes: the input 0.875 and 1.14 times as large; crops: four corners and the centre; null: "
        "flip, for trials that learnt from mirror images; []: none",
        examples=[["flip", "sizes"]],
    )

    soup: bool = Field(
        True,
        description="try the mean of the weights of several trials of one architecture, as long as "
        "validation gets better: pays where they are fine-tuned from the same weights",
    )

    concat: bool = Field(
        False,
        description="try a new linear classifier on the features of the best trials side by side, learnt "
        "from validation: takes minutes where there are many classes",
    )

    probe: bool = Field(
        True,
        description="compare the best trial with simple classifiers on features that the sweep did not "
        "train: of the weights that it started from, or colours and edges; false: leave it out",
    )

    @field_validator("views")
    @classmethod
    def _are_named_once(cls, views: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if views is not None and len(set(views)) < len(views):
            raise ValueError("names a family of views twice")
        return views


class SweepConfig(TrialConfig):
    """The YAML's root: a trial's settings, which may be ranges, and the sweep's, which may not."""

    name: str | None = Field(
        None,
        pattern=f"^{NAME}$",
        description="name of the sweep, and of its folder under runs/; null: the YAML file's name",
        examples=["birds"],
    )
    experiment: str | None = Field(
        None,
        pattern=r"^\S(.*\S)?$",
        max_length=500,
        description="name of the MLflow experiment, which several sweeps may share; null: --name, else name",
        examples=["noisy birds"],
    )
    data: DataConfig = Field(
        DataConfig(),
        description="what to learn from: images, labels, splits, noise on purpose",
        examples=[{"source": "photos.zip"}],
    )
    search: SearchConfig = Field(
        SearchConfig(),
        description="what the search optimises, how it draws trials and when it stops them",
        examples=[{"metric": "val/macro_accuracy", "trials": 40}],
    )
    resources: ResourcesConfig = Field(
        ResourcesConfig(),
        description="workers, CPU cores and GPUs of a trial, and how many trials run at once",
        examples=[{"workers": 2}],
    )
    storage: StorageConfig = Field(
        StorageConfig(),
        description="where checkpoints are kept, and how many",
        examples=[{"keep_checkpoints": 1, "max_bytes": "20GB"}],
    )
    tracking: TrackingConfig = Field(
        TrackingConfig(),
        description="where MLflow is, and tags of your own",
        examples=[{"uri": "http://mlflow.example.org:5000"}],
    )
    report: ReportConfig = Field(
        ReportConfig(),
        description="how many trials the report evaluates again, and what its ensembles may cost",
        examples=[{"top": 10, "max_members": 4}],
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_metric(cls, values: Any) -> Any:
        """Of identities the default metric is ``val/map``."""
        if not isinstance(values, dict):
            return values
        data, search = values.get("data"), values.get("search", {})
        holds_identities = isinstance(data, dict) and data.get("identities") is not None
        if not holds_identities or not isinstance(search, dict):
            return values
        return values | {"search": {"metric": OF_IDENTITIES} | search}

    @combination
    def _trials_can_be_paused(self) -> Iterator[Problem]:
        scheduler = self.search.scheduler
        if scheduler.pauses and self.resources.workers > 1:
            message = "pauses trials, which one of several workers cannot be: take asha, which stops them"
            yield Problem("search.scheduler.name", message, scheduler.name)
        if scheduler.pauses and self.resources.max_concurrent_trials is not None:
            message = "must be null, as the scheduler pauses trials until others of theirs have come as far"
            yield Problem("resources.max_concurrent_trials", message, self.resources.max_concurrent_trials)

    @combination
    def _metric_is_of_the_data(self) -> Iterator[Problem]:
        of_data, what = (RETRIEVAL, "identities") if self.data.identities else (CLASSIFICATION, "classes")
        beside = COSTS if self.data.identities else (*SHOTS, *COSTS)
        for place, goal in enumerate(self.search.goals):
            known = (*of_data, *beside) if place else of_data
            if goal.metric not in known:
                message = f"must be one of {', '.join(known)}: the data have {what}"
                yield Problem("search.metric", message, goal.metric)

    @combination
    def _kinds_are_of_classes(self) -> Iterator[Problem]:
        asked = {"views": self.report.views, "concat": self.report.concat}
        for name, value in asked.items():
            if value and self.data.identities:
                yield Problem(
                    f"report.{name}", "is for data with classes; of identities embeddings are combined", value
                )

    def trial(self) -> TrialConfig:
        """The trial's part of the settings, with ``init_from`` and ``teacher`` resolved to full paths."""
        found = {"init_from": find_start(self.init_from), "teacher": find_teacher(self.teacher)}
        own = self.model_copy(update=found)
        return TrialConfig.model_validate_json(own.model_dump_json(include=set(TrialConfig.model_fields)))


SWEEP_FIELDS = tuple(name for name in SweepConfig.model_fields if name not in TrialConfig.model_fields)
"""The sections that hold for the whole sweep and may contain no range."""
