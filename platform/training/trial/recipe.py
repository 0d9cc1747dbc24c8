"""Settings of training that each stage of a trial may override."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from platform.config.section import Section
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.sampling import SamplerName
from platform.datasets.image_size import ImageSize, Size
from platform.methods import MethodConfig
from platform.models.layers import Trainable
from platform.training.optimisation.optimiser import OptimConfig
from platform.training.optimisation.schedules import CosineConfig, ScheduleConfig


class Recipe(Section):
    """The settings of a trial that each of its stages may override."""

    epochs: int = Field(20, ge=1, description="passes over the training images")
    batch_size: int = Field(
        64,
        ge=2,
        description="images of a step, of all workers together; more give smoother and fewer updates an "
        "epoch, and take more memory",
        examples=[64, {"choice": [32, 64, 128]}],
    )
    sampler: SamplerName = Field(
        "instance",
        description="how often an epoch, which stays as long, shows an image. instance: once; "
        "class_balanced: so that all classes have the same share; square_root: between the two; progressive: "
        "from instance to class_balanced over the stage's epochs. Losses that make up for class sizes do so "
        "besides",
        examples=["square_root", {"choice": ["instance", "class_balanced"]}],
    )
    grad_accum_steps: int = Field(
        1,
        ge=1,
        description="batches whose gradients make one update, for batches that memory does not hold at "
        "once; an update then follows from this many times batch_size images",
        examples=[4],
    )
    image_size: ImageSize = Field(
        Size(224, 224),
        description="size of the networks' input in px, from 8 to 2048: the side of a square, or [height, "
        "width]",
        examples=[224, [256, 128]],
    )
    augment: AugmentConfig = Field(
        AugmentConfig(),
        description="how training images are changed at random: crop, flip, colours, erasing, mixing",
        examples=[{"crop": "random_resized", "horizontal_flip": 0.5}],
    )
    second_augment: AugmentConfig | None = Field(
        None,
        description="second augmentation of a method that learns from two of each image (supcon); null: as "
        "augment",
        examples=[{"crop": "random_resized", "scale": [0.2, 1.0]}],
    )
    method: MethodConfig = Field(
        description="the training method and its settings",
        examples=[{"name": "peer"}, {"choice": [{"name": "cross_entropy"}, {"name": "peer"}]}],
    )
    optim: OptimConfig = Field(
        OptimConfig(),
        description="the optimiser and its learning rate",
        examples=[{"name": "adamw", "lr": 0.001}],
    )
    peer_optim: OptimConfig | None = Field(
        None,
        description="settings in which the second network's optimiser differs from optim; null: none",
        examples=[{"lr": 0.01}],
    )
    schedule: ScheduleConfig = Field(
        CosineConfig(),
        description="how the learning rate changes from step to step",
        examples=[{"name": "one_cycle", "warmup_epochs": 2}],
    )
    trainable: Trainable = Field(
        "all",
        description="which weights learn: all of them, those of the backbone's last stage and the "
        "classifier, or the classifier alone",
        examples=["last_stage"],
    )

    @property
    def optims(self) -> tuple[OptimConfig, ...]:
        """The section of each network's optimiser."""
        return (self.optim, self.peer_optim or self.optim)[: self.method.networks]


class StageConfig(Recipe):
    """One stage of a trial. YAML holds what differs from the trial; this holds all settings."""

    name: str | None = Field(
        None, description="the stage's name in logs and figures; null: its number", examples=["head"]
    )
    restart: bool = Field(
        True,
        description="true: optimiser and schedule start afresh; false: they go on from the stage before, "
        "with one schedule over both",
    )


def inherit(base: Any, override: Any) -> Any:
    """Merge ``override`` into ``base``, section by section.

    A section with another ``name`` replaces the old one, whose settings do not apply to it.
    """
    if not isinstance(base, Mapping) or not isinstance(override, Mapping):
        return override
    if "name" in base and "name" in override and base["name"] != override["name"]:
        return override
    return dict(base) | {key: inherit(base.get(key), value) for key, value in override.items()}


def difference(base: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest override that turns ``base`` into ``whole``."""
    found = {}
    for key, value in whole.items():
        was = base.get(key)
        if key in base and was == value:
            continue
        if isinstance(was, Mapping) and isinstance(value, Mapping) and was.get("name") == value.get("name"):
            value = difference(was, value)
        found[key] = value
    return found
