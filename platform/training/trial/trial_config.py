"""All settings of one trial, which together with the data determine its weights."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import Field, field_serializer, field_validator, model_validator

from platform.config.errors import show
from platform.config.secrets import Address
from platform.config.section import Problem, combination
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.image_size import Size, covering
from platform.models.model_config import ModelConfig
from platform.training.optimisation.ema import EmaConfig
from platform.training.optimisation.memory_layout import LayoutSetting
from platform.training.optimisation.precision import PrecisionSetting
from platform.training.trial.recipe import Recipe, StageConfig, difference, inherit
from platform.training.trial.retrieval_config import RetrievalConfig

KEPT_ON = ("optim", "peer_optim", "schedule", "trainable", "batch_size", "grad_accum_steps")
"""Settings that a stage cannot change if it continues with the optimiser of the stage before."""


class TrialConfig(Recipe):
    """One training run. The same settings and the same data give the same weights.

    The exception is ``precision: measured``, which takes the faster of two number formats.
    """

    seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="seed of all random numbers of a trial: first weights, order of the images, "
        "augmentation, dropout; the same seed gives the same trial",
    )
    model: ModelConfig = Field(
        description="the network: a backbone, its first weights and its head",
        examples=[{"backbone": "resnet50", "pretrained": True}],
    )
    peer_model: ModelConfig | None = Field(
        None,
        description="the second network of a method with two (peer, core); null: built as model, with "
        "other first weights",
        examples=[{"backbone": "resnet34"}],
    )
    precision: PrecisionSetting = Field(
        "auto",
        description="number format the networks run in; auto: bf16 on a GPU that has it, else fp32 (on a "
        "GPU as TF32); measured: bf16 where a few steps at the trial's start are faster in it, so that equal "
        "trials may differ; fp16: with a gradient scaler, for a GPU without bf16",
    )
    channels_last: LayoutSetting = Field(
        "auto",
        description="memory layout of images and weights; auto: true on a GPU for convolutional networks, "
        "else false. On a CPU either may be faster",
    )
    compile: bool = Field(
        False, description="run the networks through torch.compile; what it cannot compile is an error"
    )
    ema: EmaConfig | None = Field(
        None,
        description="keep a moving average of the weights beside the raw ones; null: none",
        examples=[{"decay": 0.999}],
    )
    init_from: Address | None = Field(
        None,
        min_length=1,
        description="start from these weights: a sweep's, trial's or checkpoint's folder, or a weights "
        "file; null: from those of model",
        examples=["runs/peer"],
    )
    teacher: Address | None = Field(
        None,
        min_length=1,
        description="networks to learn from besides labels, by a method that can (supcon): a sweep's, "
        "trial's or checkpoint's folder; null: none",
        examples=["runs/peer"],
    )
    retrieval: RetrievalConfig = Field(
        RetrievalConfig(),
        description="how images of data with identities are embedded and compared",
        examples=[{"flip": False}],
    )
    min_prediction_entropy: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="give a trial up whose train/prediction_entropy stays below this for two epochs: its "
        "networks predict almost one class for everything; null: never",
        examples=[0.3],
    )
    stages: tuple[StageConfig, ...] = Field(
        (),
        strict=False,
        description="parts of a trial that run in this order; each holds the settings in which it differs "
        "from the trial; []: the whole trial is one",
        examples=[[{"epochs": 3, "trainable": "head"}, {"epochs": 12}]],
    )

    @field_validator("channels_last", mode="before")
    @classmethod
    def _is_a_layout(cls, value: object) -> object:
        if value != "auto" and not isinstance(value, bool):
            raise ValueError(f"must be auto, true or false, got {show(value)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _stages_inherit(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        stages = values.get("stages")
        if isinstance(stages, list | tuple) and all(isinstance(stage, dict) for stage in stages):
            own = {name: values[name] for name in Recipe.model_fields if name in values}
            values = values | {"stages": [_with_peer_optim(inherit(own, stage)) for stage in stages]}
        return _with_peer_optim(values)

    @field_serializer("stages", mode="plain")
    def _stages_as_written(self, stages: tuple[StageConfig, ...]) -> list[dict[str, Any]]:
        """Only the differences from the trial: a stage inherits the rest when it is read."""
        own = self._as_stage().model_dump(mode="json")
        return [difference(own, stage.model_dump(mode="json")) for stage in stages]

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The section of each network."""
        if self.method.networks == 1:
            return (self.model,)
        return (self.model, self.peer_model or self.model)

    @property
    def phases(self) -> tuple[StageConfig, ...]:
        """The stages in order; a trial without stages is a single one."""
        if self.stages:
            return self.stages
        return (self._as_stage(),)

    def _as_stage(self) -> StageConfig:
        """The trial's own settings as a stage, without another validation."""
        return StageConfig.model_construct(**{name: getattr(self, name) for name in Recipe.model_fields})

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole trial."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def largest_image(self) -> Size:
        """The size that covers the image size of each phase; images are decoded for it."""
        return covering(phase.image_size for phase in self.phases)

    @combination
    def _second_network_is_there(self) -> Iterator[Problem]:
        if self.method.networks == 1:
            for field in ("peer_model", "peer_optim"):
                if getattr(self, field) is not None:
                    yield Problem(
                        field, f"{self.method.name} trains one network, so it must be null", "a section"
                    )
            if self.retrieval.networks == "second":
                yield Problem(
                    "retrieval.networks", f"{self.method.name} trains one network: all or first", "second"
                )
        for path, phase in self.paths():
            if phase.method.networks != self.method.networks:
                yield Problem(
                    f"{path}method.name",
                    f"must train {self.method.networks} networks as the trial's {self.method.name} does",
                    phase.method.name,
                )

    @combination
    def _somebody_learns_from_the_teacher(self) -> Iterator[Problem]:
        if self.teacher is not None and not any(phase.method.takes_teacher for phase in self.phases):
            yield Problem("teacher", f"{self.method.name} learns from none, so it must be null", self.teacher)

    @combination
    def _recipes_fit_the_models(self) -> Iterator[Problem]:
        for path, phase in self.paths():
            if problem := phase.augment.check_image_size(phase.image_size):
                field, message, value = problem
                yield Problem(f"{path}augment.{field}", message, value)
            if phase.augment.mixing is not None and not phase.method.learns_soft_labels:
                with_loss = " with this loss" if phase.method.takes_soft_labels else ""
                message = f"{phase.method.name} cannot learn from mixed labels{with_loss}, so it must be null"
                yield Problem(f"{path}augment.mixing", message, "a section")
            if (setting := phase.method.needs_cosines) and any(m.cosine_scale is None for m in self.models):
                message = "has margins between cosines, which need model.cosine_scale, e.g. 30"
                yield Problem(f"{path}method.{setting}", message, getattr(phase.method, setting).name)
            if phase.second_augment is not None:
                yield from _check_second_augment(path, phase, phase.second_augment)
            for model in self.models:
                if problem_of_size := model.check_image_size(phase.image_size):
                    yield Problem(f"{path}image_size", problem_of_size, phase.image_size.as_written())
            for section, optim, model in zip(
                ("optim", "peer_optim"), phase.optims, self.models, strict=False
            ):
                if problem := optim.check(model):
                    field, message, value = problem
                    # The user wrote optim if the second network has no section.
                    own = section if getattr(phase, section) is not None else "optim"
                    yield Problem(f"{path}{own}.{field}", message, value)

    @combination
    def _what_goes_on_is_the_same(self) -> Iterator[Problem]:
        if self.stages and not self.stages[0].restart:
            yield Problem("stages.0.restart", "the first stage has none before it to go on from", False)
        for place, (before, stage) in enumerate(pairwise(self.stages), start=1):
            changed = [name for name in KEPT_ON if getattr(before, name) != getattr(stage, name)]
            if not stage.restart and changed:
                message = f"must be true where the stage changes {', '.join(changed)}"
                yield Problem(f"stages.{place}.restart", message, False)

    def paths(self) -> Iterator[tuple[str, StageConfig]]:
        """Each phase with the dotted path of its settings."""
        for place, phase in enumerate(self.phases):
            yield (f"stages.{place}." if self.stages else ""), phase

    def rate_epochs(self) -> list[int]:
        """For each phase the epochs of its learning-rate schedule, which it may share with its neighbours."""
        return [
            sum(phase.epochs for phase in self.phases[start:end])
            for start, end in (self.schedule_span(place) for place in range(len(self.phases)))
        ]

    def schedule_span(self, place: int) -> tuple[int, int]:
        """The phases [start, end) that share the learning-rate schedule of the one at ``place``."""
        phases = self.phases
        start = place
        while start > 0 and not phases[start].restart:
            start -= 1
        end = place + 1
        while end < len(phases) and not phases[end].restart:
            end += 1
        return start, end


def _check_second_augment(path: str, phase: StageConfig, section: AugmentConfig) -> Iterator[Problem]:
    if phase.method.augmentations < 2:
        message = f"{phase.method.name} learns from one augmentation of an image, so it must be null"
        yield Problem(f"{path}second_augment", message, "a section")
    if section.mixing is not None:
        message = "images of a second augmentation are not mixed, so it must be null"
        yield Problem(f"{path}second_augment.mixing", message, "a section")
    if problem := section.check_image_size(phase.image_size):
        field, message, value = problem
        yield Problem(f"{path}second_augment.{field}", message, value)


def _with_peer_optim(values: dict[str, Any]) -> dict[str, Any]:
    """The recipe, in which the second optimiser's section inherits from the first's."""
    if not isinstance(values.get("peer_optim"), dict):
        return values
    return values | {"peer_optim": inherit(values.get("optim", {}), values["peer_optim"])}
