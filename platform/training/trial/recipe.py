"""How a network is trained for a while: what the stages of a trial may do differently."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from platform.config.section import Section
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.image_size import ImageSize, Size
from platform.methods import MethodConfig
from platform.models.layers import Trainable
from platform.training.optimisation.optimiser import OptimConfig
from platform.training.optimisation.schedules import CosineConfig, ScheduleConfig


class Recipe(Section):
    """The settings of a trial that each of its stages may override."""

    epochs: int = Field(20, ge=1, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images that networks and losses see at once")
    grad_accum_steps: int = Field(
        1, ge=1, description="batches whose gradients make one update: it then follows from n x batch_size"
    )
    image_size: ImageSize = Field(
        Size(224, 224), description="px of the networks' input, from 8 to 2048: 224, or [height, width]"
    )
    augment: AugmentConfig = AugmentConfig()
    second_augment: AugmentConfig | None = Field(
        None, description="of the second view, in methods that learn two of a picture; null: as augment"
    )
    method: MethodConfig
    optim: OptimConfig = OptimConfig()
    peer_optim: OptimConfig | None = Field(
        None, description="what the second network's optimiser does otherwise than optim; null: the same"
    )
    schedule: ScheduleConfig = CosineConfig()
    trainable: Trainable = Field(
        "all",
        description="what learns: everything, the classifier and the backbone's last stage, or the head",
    )

    @property
    def optims(self) -> tuple[OptimConfig, ...]:
        """The section of each network's optimiser."""
        return (self.optim, self.peer_optim or self.optim)[: self.method.networks]


class StageConfig(Recipe):
    """One stage of a trial: in YAML what it does otherwise than the trial, here all it does."""

    name: str | None = Field(None, description="what the stage is called in logs and pictures")
    restart: bool = Field(
        True,
        description="optimiser and schedule start afresh; false: they go on from the stage before, "
        "one schedule over both",
    )


def inherit(base: Any, override: Any) -> Any:
    """``override`` laid over ``base``, section by section.

    A section of another ``name`` replaces the old one: nothing that was set for that one fits.
    """
    if not isinstance(base, Mapping) or not isinstance(override, Mapping):
        return override
    if "name" in base and "name" in override and base["name"] != override["name"]:
        return override
    return dict(base) | {key: inherit(base.get(key), value) for key, value in override.items()}


def difference(base: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The least override that laid over ``base`` gives ``whole``."""
    found = {}
    for key, value in whole.items():
        was = base.get(key)
        if key in base and was == value:
            continue
        if isinstance(was, Mapping) and isinstance(value, Mapping) and was.get("name") == value.get("name"):
            value = difference(was, value)
        found[key] = value
    return found
