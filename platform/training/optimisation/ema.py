"""The section ``ema``: a moving average of each network's weights."""

from typing import Literal

from pydantic import Field
from torch import nn

from platform.config.section import Section


class EmaConfig(Section):
    """Averaged and raw weights are both evaluated; one of them is what ``val/…`` and predictions are of."""

    decay: float = Field(0.99, ge=0, lt=1, description="share of the average that one step keeps")
    warmup: bool = Field(
        True,
        description="let the decay rise to its value: 1 - (1 + step)^(-2/3) until then; "
        "begins again with a stage of another image size",
    )
    ranked: Literal["ema", "raw"] = Field(
        "ema", description="whose metrics are val/…, that is, which weights are ranked and predict"
    )


class Ema:
    """timm's ModelEmaV3 of one network; which decay a step has depends on the step's number alone."""

    def __init__(self, config: EmaConfig, network: nn.Module) -> None:
        from timm.utils.model_ema import ModelEmaV3

        self._average = ModelEmaV3(network, decay=config.decay, use_warmup=config.warmup)

    @property
    def network(self) -> nn.Module:
        averaged: nn.Module = self._average.module
        return averaged

    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after ``step`` updates (from 1) since the average began to warm up."""
        self._average.update(network, step=step)
