"""The YAML of one trial: everything that decides its weights, but the data."""

from pydantic import Field, model_validator

from platform.config.section import Section, reject
from platform.datasets.augment import AugmentConfig
from platform.methods import MethodConfig
from platform.models.model_config import ModelConfig
from platform.training.ema import EmaConfig
from platform.training.optimiser import OptimConfig
from platform.training.precision import Precision
from platform.training.schedules import CosineConfig, ScheduleConfig


class TrialConfig(Section):
    """One training run. The same section and the same data give the same weights."""

    seed: int = Field(0, ge=0, lt=2**63, description="of weights, order of the images, augmentation, dropout")
    epochs: int = Field(20, ge=1, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images a step, over all workers")
    image_size: int = Field(224, ge=8, le=2048, description="px, the networks' square input")
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig
    peer_model: ModelConfig | None = Field(
        None, description="the second network of a method with two; null: the same as model"
    )
    method: MethodConfig
    optim: OptimConfig = OptimConfig()
    schedule: ScheduleConfig = CosineConfig()
    precision: Precision = Field("fp32", description="number format the networks run in")
    channels_last: bool = Field(
        False, description="memory layout of images and weights (faster on some devices)"
    )
    ema: EmaConfig | None = Field(None, description="moving average of the weights; null: none")

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The section of each network."""
        if self.method.networks == 1:
            return (self.model,)
        return (self.model, self.peer_model or self.model)

    @model_validator(mode="after")
    def _peer_model_is_used(self) -> "TrialConfig":
        if self.peer_model is not None and self.method.networks == 1:
            reject("peer_model", f"{self.method.name} trains one network, so it must be null", "a section")
        return self

    @model_validator(mode="after")
    def _spans_fit_the_epochs(self) -> "TrialConfig":
        spans = {"schedule.warmup_epochs": self.schedule.warmup_epochs}
        for field in type(self.method).model_fields:
            if field.endswith("_epochs"):
                spans[f"method.{field}"] = getattr(self.method, field)
        for path, span in spans.items():
            if span > self.epochs:
                reject(path, f"must be <= epochs ({self.epochs})", span)
        return self

    @model_validator(mode="after")
    def _padding_is_less_than_the_image(self) -> "TrialConfig":
        padding = self.augment.padding
        if self.augment.crop == "padded" and padding >= self.image_size:
            reject("augment.padding", f"must be < image_size ({self.image_size})", padding)
        return self

    @model_validator(mode="after")
    def _image_size_fits_the_models(self) -> "TrialConfig":
        for model in self.models:
            problem = model.check_image_size(self.image_size)
            if problem:
                reject("image_size", problem, self.image_size)
        return self
