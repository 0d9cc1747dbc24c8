"""The section ``ema``: a moving average of each network's weights."""

from typing import Literal

from pydantic import Field
from torch import nn

from platform.config.section import Section


class EmaConfig(Section):
    """Averaged and raw weights are both evaluated; ``ranked`` says which ``val/…`` and predictions use."""

    decay: float = Field(
        0.99,
        ge=0,
        lt=1,
        description="share of the average that a step keeps; nearer 1: an average over more steps",
        examples=[0.999],
    )
    warmup: bool = Field(
        True,
        description="let the decay rise to its value from 0, as 1 - (1 + step)^(-2/3); it rises again in a "
        "stage of another image size",
    )
    ranked: Literal["ema", "raw"] = Field(
        "ema", description="which weights are ranked and predict: their metrics are val/…"
    )


class Ema:
    """timm's ModelEmaV3 of one network, whose decay depends on the number of the step alone."""

    def __init__(self, config: EmaConfig, network: nn.Module) -> None:
        from timm.utils.model_ema import ModelEmaV3

        self._average = ModelEmaV3(network, decay=config.decay, use_warmup=config.warmup)

    @property
    def network(self) -> nn.Module:
        averaged: nn.Module = self._average.module
        return averaged

    def update(self, network: nn.Module, step: int) -> None:
        """Update the average with the weights after ``step`` updates (from 1) since its warm-up began."""
        self._average.update(network, step=step)
