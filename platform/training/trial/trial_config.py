"""The YAML of one trial: everything that decides its weights, but the data."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import Field, field_serializer, model_validator

from platform.config.section import reject
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.image_size import Size, covering
from platform.models.model_config import ModelConfig
from platform.training.optimisation.ema import EmaConfig
from platform.training.optimisation.precision import PrecisionSetting
from platform.training.trial.recipe import Recipe, StageConfig, difference, inherit
from platform.training.trial.retrieval_config import RetrievalConfig

KEPT_ON = ("optim", "peer_optim", "schedule", "trainable", "batch_size", "grad_accum_steps")
"""What a stage that goes on with the optimiser of the one before cannot do otherwise."""


class TrialConfig(Recipe):
    """One training run. The same section and the same data give the same weights.

    (With ``precision: auto`` on a CPU, where the faster of two number formats is measured, the same weights
    follow from the same outcome.)
    """

    seed: int = Field(0, ge=0, lt=2**63, description="of weights, order of the images, augmentation, dropout")
    model: ModelConfig
    peer_model: ModelConfig | None = Field(
        None, description="the second network of a method with two; null: the same as model"
    )
    precision: PrecisionSetting = Field(
        "fp32",
        description="number format the networks run in; auto: bf16 on a GPU that has it, on a CPU where "
        "it is measured to be faster, else fp32",
    )
    channels_last: bool = Field(
        False, description="memory layout of images and weights (faster on some devices)"
    )
    compile: bool = Field(
        False, description="run the networks through torch.compile; what it cannot compile is an error"
    )
    ema: EmaConfig | None = Field(None, description="moving average of the weights; null: none")
    init_from: str | None = Field(
        None,
        min_length=1,
        description="start from these weights: a sweep's, trial's or checkpoint's folder, or a weights file",
    )
    teacher: str | None = Field(
        None,
        min_length=1,
        description="networks to learn from besides labels: a sweep's, trial's or checkpoint's folder",
    )
    retrieval: RetrievalConfig = RetrievalConfig()
    min_prediction_entropy: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="give a trial up whose train/prediction_entropy is below for two epochs: it collapsed; "
        "null: never",
    )
    stages: tuple[StageConfig, ...] = Field(
        (), strict=False, description="run in this order, each with what it does otherwise than the trial"
    )

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
        """Only what each does otherwise than the trial: it inherits the rest when it is read again."""
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
        """The stages in their order; of a trial without any, the one that the trial itself is."""
        if self.stages:
            return self.stages
        return (self._as_stage(),)

    def _as_stage(self) -> StageConfig:
        """What the trial itself says, which is checked already."""
        return StageConfig.model_construct(**{name: getattr(self, name) for name in Recipe.model_fields})

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole trial."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def largest_image(self) -> Size:
        """Covers the image size of each phase; images are decoded for it."""
        return covering(phase.image_size for phase in self.phases)

    @model_validator(mode="after")
    def _second_network_is_there(self) -> "TrialConfig":
        if self.method.networks == 1:
            for field in ("peer_model", "peer_optim"):
                if getattr(self, field) is not None:
                    reject(field, f"{self.method.name} trains one network, so it must be null", "a section")
            if self.retrieval.networks == "second":
                reject("retrieval.networks", f"{self.method.name} trains one network: all or first", "second")
        for path, phase in self._paths():
            if phase.method.networks != self.method.networks:
                reject(
                    f"{path}method.name",
                    f"must train {self.method.networks} networks as the trial's {self.method.name} does",
                    phase.method.name,
                )
        return self

    @model_validator(mode="after")
    def _somebody_learns_from_the_teacher(self) -> "TrialConfig":
        if self.teacher is not None and not any(phase.method.takes_teacher for phase in self.phases):
            reject("teacher", f"{self.method.name} learns from none, so it must be null", self.teacher)
        return self

    @model_validator(mode="after")
    def _spans_fit_the_epochs(self) -> "TrialConfig":
        for (path, phase), rate_epochs in zip(self._paths(), self._rate_epochs(), strict=True):
            if phase.schedule.warmup_epochs > rate_epochs:
                message = f"must be <= epochs ({rate_epochs})"
                reject(f"{path}schedule.warmup_epochs", message, phase.schedule.warmup_epochs)
            for field in type(phase.method).model_fields:
                span = getattr(phase.method, field)
                if field.endswith("_epochs") and span > self.total_epochs:
                    reject(f"{path}method.{field}", f"must be <= epochs ({self.total_epochs})", span)
        return self

    @model_validator(mode="after")
    def _recipes_fit_the_models(self) -> "TrialConfig":
        for path, phase in self._paths():
            if problem := phase.augment.check_image_size(phase.image_size):
                field, message, value = problem
                reject(f"{path}augment.{field}", message, value)
            if phase.augment.mixing is not None and not phase.method.takes_soft_labels:
                message = f"{phase.method.name} cannot learn from mixed labels, so it must be null"
                reject(f"{path}augment.mixing", message, "a section")
            if phase.second_augment is not None:
                _check_second_augment(path, phase, phase.second_augment)
            for model in self.models:
                if problem_of_size := model.check_image_size(phase.image_size):
                    reject(f"{path}image_size", problem_of_size, phase.image_size.as_written())
            for section, optim, model in zip(
                ("optim", "peer_optim"), phase.optims, self.models, strict=False
            ):
                if problem := optim.check(model):
                    field, message, value = problem
                    # Where the second network has no section of its own, what is written is optim.
                    own = section if getattr(phase, section) is not None else "optim"
                    reject(f"{path}{own}.{field}", message, value)
        return self

    @model_validator(mode="after")
    def _what_goes_on_is_the_same(self) -> "TrialConfig":
        if self.stages and not self.stages[0].restart:
            reject("stages.0.restart", "the first stage has none before it to go on from", False)
        for place, (before, stage) in enumerate(pairwise(self.stages), start=1):
            changed = [name for name in KEPT_ON if getattr(before, name) != getattr(stage, name)]
            if not stage.restart and changed:
                message = f"must be true where the stage changes {', '.join(changed)}"
                reject(f"stages.{place}.restart", message, False)
        return self

    def _paths(self) -> Iterator[tuple[str, StageConfig]]:
        """Each phase with the dotted path at which its settings stand."""
        for place, phase in enumerate(self.phases):
            yield (f"stages.{place}." if self.stages else ""), phase

    def _rate_epochs(self) -> list[int]:
        """For each phase the epochs of its learning-rate schedule: its own and those it is joined to."""
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


def _check_second_augment(path: str, phase: StageConfig, section: AugmentConfig) -> None:
    if phase.method.views < 2:
        message = f"{phase.method.name} learns one view of a picture, so it must be null"
        reject(f"{path}second_augment", message, "a section")
    if section.mixing is not None:
        reject(f"{path}second_augment.mixing", "pictures of a second view are not mixed: null", "a section")
    if problem := section.check_image_size(phase.image_size):
        field, message, value = problem
        reject(f"{path}second_augment.{field}", message, value)


def _with_peer_optim(values: dict[str, Any]) -> dict[str, Any]:
    """The recipe with the second optimiser's section filled up from the first's."""
    if not isinstance(values.get("peer_optim"), dict):
        return values
    return values | {"peer_optim": inherit(values.get("optim", {}), values["peer_optim"])}
