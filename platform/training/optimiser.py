"""The section ``optim``: one optimiser for each network."""

from typing import Any, Literal

from pydantic import Field, model_validator
from torch import nn
from torch.optim import Optimizer

from platform.config.section import Section, reject


class OptimConfig(Section):
    """Weight decay leaves norms and biases alone."""

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(
        0.05, gt=0, description="learning rate after the warm-up; sgd about 0.05, adamw about 0.001"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="sgd's momentum; adamw's first beta")
    beta_2: float = Field(0.999, gt=0, lt=1, description="adamw's second beta; sgd has none")
    nesterov: bool = Field(True, description="sgd looks ahead; adamw does not")
    weight_decay: float = Field(5e-4, ge=0, description="of weights, not of norms and biases")
    clip_norm: float | None = Field(
        None, gt=0, description="gradient norm of a network above which it is scaled down; null: never"
    )

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "OptimConfig":
        if self.name == "sgd" and self.nesterov and self.momentum == 0:
            reject("momentum", "must be > 0 with nesterov", self.momentum)
        return self


def build_optimiser(config: OptimConfig, network: nn.Module) -> Optimizer:
    """The optimiser of one network, through timm's factory."""
    from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]

    name: str = config.name
    options: dict[str, Any] = {}
    if config.name == "adamw":
        options["betas"] = (config.momentum, config.beta_2)
    elif not config.nesterov:
        name = "momentum"  # timm's name for SGD without Nesterov
    optimiser: Optimizer = create_optimizer_v2(
        network,
        opt=name,
        lr=config.lr,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        **options,
    )
    return optimiser
