"""The section ``optim``: one optimiser for each network."""

from typing import Any, Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import nn
from torch.optim import SGD, Optimizer

from platform.config.errors import show
from platform.config.section import Section, reject
from platform.models.backbones import find_backbone
from platform.models.layers import head_parameters, is_transformer_like, layer_count
from platform.models.model_config import ModelConfig

TRANSFORMER_LAYER_DECAY = 0.75


class OptimConfig(Section):
    """Weight decay excludes norms, biases, and what timm's architecture names (position embeddings …).

    A parameter's learning rate is ``lr`` times its scale: layer_decay^(layers between it and the head), times
    backbone_lr_scale for all but the classifier.

    Layer-wise decay: Bao et al., BEiT, ICLR 2022 (arXiv 2106.08254).
    """

    name: Literal["sgd", "adamw"] = Field(
        "sgd",
        description="the optimiser: SGD with momentum, or AdamW",
        examples=["adamw", {"choice": ["sgd", "adamw"]}],
    )
    lr: float = Field(
        0.05,
        gt=0,
        description="learning rate after the warm-up; about 0.05 for sgd, 0.001 for adamw",
        examples=[0.05, {"loguniform": [0.001, 0.1]}],
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd; the first beta of adamw")
    beta_2: float = Field(0.999, gt=0, lt=1, description="second beta of adamw; sgd has none")
    nesterov: bool = Field(True, description="Nesterov momentum in sgd; adamw has none")
    weight_decay: float = Field(
        5e-4,
        ge=0,
        description="how strongly weights are pulled to 0; norms and biases are not",
        examples=[0.0005, {"loguniform": [1e-5, 1e-2]}],
    )
    clip_norm: float | None = Field(
        None,
        gt=0,
        description="gradient norm of a network above which its gradient is scaled down to it; null: never",
        examples=[1.0],
    )
    layer_decay: float | Literal["auto"] = Field(
        "auto",
        description="learning rate of a layer as a share of the next one's, 0 to 1 (1: none); auto: 0.75 for "
        "transformer-like backbones (ViT, Swin, ConvNeXt), else 1",
        examples=[0.75, {"choice": [1, 0.75]}],
    )
    backbone_lr_scale: float = Field(
        1.0,
        gt=0,
        description="learning rate of all but the classifier, as a share of lr: below 1 to fine-tune gently",
        examples=[0.1, {"loguniform": [0.01, 1]}],
    )

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "OptimConfig":
        if self.name == "sgd" and self.nesterov and self.momentum == 0:
            reject("momentum", "must be > 0 with nesterov", self.momentum)
        return self

    @field_validator("layer_decay", mode="before")
    @classmethod
    def _layer_decay_is_a_share(cls, value: object) -> object:
        is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1
        if value != "auto" and not is_share:
            raise ValueError(f"must be auto or a number above 0, at most 1, got {show(value)}")
        return value

    def check(self, model: ModelConfig) -> tuple[str, str, object] | None:
        """Field, message and value of a setting that ``model`` cannot use; None if there is none."""
        known = find_backbone(model.backbone)
        if isinstance(self.layer_decay, float) and self.layer_decay < 1 and known and known.layers < 2:
            message = f"must be auto or 1: timm tells no layers of {known.name} apart"
            return "layer_decay", message, self.layer_decay
        return None


def build_optimiser(config: OptimConfig, network: nn.Module, companion: nn.Module | None = None) -> Optimizer:
    """Build the optimiser of a network's trainable parameters and its companion's, with timm's factory.

    The companion learns at ``lr``, as the classifier does. The parameter groups carry timm's ``lr_scale``,
    with which timm's schedulers multiply the rate. The update is fused, on a CPU too: a gradient must have
    the memory layout of its weight, which autograd ensures.
    """
    from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]

    name: str = config.name
    options: dict[str, Any] = {"fused": True}
    if config.name == "adamw":
        options["betas"] = (config.momentum, config.beta_2)
    elif not config.nesterov:
        name = "momentum"  # timm's name for SGD without Nesterov
    decay = _layer_decay(config, network)
    optimiser: Optimizer = create_optimizer_v2(
        network,
        opt=name,
        lr=config.lr,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        layer_decay=None if decay == 1 else decay,
        **options,
    )
    _scale_backbone(optimiser, network, config.backbone_lr_scale)
    if companion is not None:
        _add_companion(optimiser, companion, config.weight_decay)
    if isinstance(optimiser, SGD) and config.momentum > 0:
        _begin_at_rest(optimiser)
    return optimiser


def carry_optimiser_state(old: Optimizer, new: Optimizer) -> None:
    """Copy the momenta of ``old`` to ``new`` for parameters of the same shape.

    Both belong to the same network and section, so their parameters have the same order.
    """
    before = [parameter for group in old.param_groups for parameter in group["params"]]
    after = [parameter for group in new.param_groups for parameter in group["params"]]
    for was, now in zip(before, after, strict=True):
        if was.shape == now.shape and was in old.state:
            new.state[now] = old.state[was]


def _layer_decay(config: OptimConfig, network: nn.Module) -> float:
    if config.layer_decay == "auto":
        has_layers = is_transformer_like(network) and layer_count(network) > 1
        return TRANSFORMER_LAYER_DECAY if has_layers else 1.0
    return config.layer_decay


def _begin_at_rest(optimiser: SGD) -> None:
    """Set momenta to zero, from which the first step gives the same momenta as without.

    Fused SGD does not initialise them if the first fp16 step overflows, and cannot step if only some
    parameters have a momentum.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def _add_companion(optimiser: Optimizer, companion: nn.Module, weight_decay: float) -> None:
    from timm.optim import param_groups_weight_decay  # type: ignore[attr-defined]

    for group in param_groups_weight_decay(companion, weight_decay):
        if group["params"]:
            optimiser.add_param_group(group | {"lr_scale": 1.0})


def _scale_backbone(optimiser: Optimizer, network: nn.Module, scale: float) -> None:
    """Split each parameter group into head and backbone, and give the backbone ``scale``."""
    if scale == 1:
        return
    of_head = head_parameters(network)
    head = {id(parameter) for name, parameter in network.named_parameters() if name in of_head}
    for group in list(optimiser.param_groups):
        backbone = [parameter for parameter in group["params"] if id(parameter) not in head]
        if not backbone:
            continue
        rest = [parameter for parameter in group["params"] if id(parameter) in head]
        own = group.get("lr_scale", 1.0)
        if rest:
            group["params"] = rest
            others = {key: value for key, value in group.items() if key != "params"}
            optimiser.add_param_group(others | {"params": backbone, "lr_scale": own * scale})
        else:
            group["lr_scale"] = own * scale
