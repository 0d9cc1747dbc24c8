"""How a network's last feature map becomes one vector: timm's poolings and the generalised mean (GeM).

Shapes: B images, F channels, H and W the map's sides.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from platform.models.errors import ModelError, first_line
from platform.models.model_config import P_MAX, P_MIN, ModelConfig, PoolConfig

EPS = 1e-6
_VANISHING = 1e-12
"""A mean this small beside the map's largest value counts as 0: its root has no finite gradient."""

_TIMM_NAMES = {"avg": "avg", "max": "max", "avg_max": "avgmax", "avg_max_concat": "catavgmax"}


def generalised_mean(
    maps: Tensor, p: float | Tensor, *, eps: float = EPS, axes: Sequence[int] = (2, 3)
) -> Tensor:
    """(mean max(x, eps)^p)^(1/p) over ``axes``, which stay with length 1.

    GeM of Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation, TPAMI 2019 (arXiv
    1711.02512). p = 1 is the mean, p → ∞ the maximum. Values below ``eps`` have no gradient. Each map is
    divided by its largest value first, which changes neither value nor gradient, as the mean is homogeneous;
    x^p then neither overflows nor vanishes. Use float32 or float64.
    """
    clamped = maps.clamp(min=eps)
    largest = clamped.detach().amax(tuple(axes), keepdim=True)
    means = (clamped / largest).pow(p).mean(tuple(axes), keepdim=True)
    return means.pow(1 / p) * largest


def signed_generalised_mean(maps: Tensor, p: float | Tensor, *, axes: Sequence[int] = (2, 3)) -> Tensor:
    """s(mean s(x)): with s(x) = sign(x)·|x|^p and its inverse outside; ``axes`` stay with length 1.

    The form of CGD (Jun et al. 2019, arXiv 1903.10663), for maps with negative values, as of Swin and
    ConvNeXt. Where the mean is 0, as for an all-zero map, the gradient is 0; the published form gives NaN.
    """
    largest = maps.detach().abs().amax(tuple(axes), keepdim=True)
    largest = torch.where(largest > 0, largest, 1.0)
    scaled = maps / largest
    means = (scaled.sign() * scaled.abs().pow(p)).mean(tuple(axes), keepdim=True)
    is_there = means.abs() > _VANISHING
    root = torch.where(is_there, means.abs(), 1.0).pow(1 / p)
    return torch.where(is_there, means.sign() * root, 0.0) * largest


class GeM(nn.Module):
    """GeM with a learnable p in (1, 16), computed in float32 or float64; in the place of timm's pooling.

    p = 1 + 15·sigmoid(``logit``), so that no step leaves the range. ``channels_first``: whether maps are
    [B, F, H, W] or [B, H, W, F]; ``flatten``: whether the result is [B, F] or keeps axes of length 1.
    """

    def __init__(self, config: PoolConfig, *, channels_first: bool, flatten: bool) -> None:
        super().__init__()
        share = (config.p - P_MIN) / (P_MAX - P_MIN)
        self.logit = nn.Parameter(torch.tensor(math.log(share / (1 - share))), requires_grad=config.learnable)
        self.negative = config.negative
        self.axes = (2, 3) if channels_first else (1, 2)
        self.flatten = flatten

    @property
    def p(self) -> Tensor:
        """The exponent [], in float32."""
        return P_MIN + (P_MAX - P_MIN) * self.logit.float().sigmoid()

    def forward(self, maps: Tensor) -> Tensor:
        exact = maps if maps.dtype == torch.float64 else maps.float()
        mean = signed_generalised_mean if self.negative == "sign" else generalised_mean
        pooled = mean(exact, self.p, axes=self.axes)
        return (pooled.squeeze(self.axes) if self.flatten else pooled).to(maps.dtype)


def set_pooling(network: nn.Module, section: ModelConfig) -> None:
    """Give ``network`` the pooling of ``section.pool``, in place; without the section it keeps timm's.

    The classifier is replaced, except for GeM and for a pooling that the network has already. Raises
    :class:`ModelError` if the backbone cannot have it.
    """
    pool = section.pool
    if pool is None or pool.name in _own_poolings(network):
        return
    if pool.name == "gem":
        _put_gem(network, section, pool)
        return
    reset: Any = getattr(network, "reset_classifier", None)
    if reset is None:
        raise _cannot(section, pool.name, "timm cannot change its pooling")
    try:
        reset(int(network.num_classes), global_pool=_TIMM_NAMES[pool.name])  # type: ignore[arg-type]
    except (AssertionError, TypeError, ValueError) as error:
        raise _cannot(section, pool.name, first_line(error)) from error
    if pool.name not in _own_poolings(network):
        raise _cannot(section, pool.name, "timm ignores the choice for this network")


def pooled_width(network: nn.Module) -> int:
    """F, the number of pooled features that the classifier takes."""
    classifier: Any = network.get_classifier() if hasattr(network, "get_classifier") else None  # type: ignore[operator]
    width = getattr(classifier, "in_features", None) or getattr(classifier, "in_channels", None)
    return int(width if width is not None else network.num_features)  # type: ignore[arg-type]


def _own_poolings(network: nn.Module) -> set[str]:
    """Our names of the poolings that the network's modules say they have."""
    said = [getattr(one, key, None) for one in network.modules() for key in ("pool_type", "global_pool")]
    names = {name.removeprefix("fast") or "avg" for name in said if isinstance(name, str) and name}
    return {ours for ours, theirs in _TIMM_NAMES.items() if theirs in names}


def _put_gem(network: nn.Module, section: ModelConfig, pool: PoolConfig) -> None:
    from timm.layers.adaptive_avgmax_pool import SelectAdaptivePool2d

    places = [
        (name, one)
        for name, one in network.named_modules()
        if isinstance(one, SelectAdaptivePool2d) and not one.is_identity()
    ]
    if len(places) != 1 or places[0][1].feat_mult() != 1:
        raise _cannot(
            section,
            pool.name,
            "its head does not pool a feature map in a layer of its own; choose avg or max",
        )
    name, old = places[0]
    gem = GeM(
        pool,
        channels_first=tuple(getattr(old.pool, "dim", (2, 3))) == (2, 3),
        flatten=isinstance(old.flatten, nn.Flatten) or bool(getattr(old.pool, "flatten", False)),
    )
    network.set_submodule(name, gem.train(network.training), strict=True)


def _cannot(section: ModelConfig, name: str, why: str) -> ModelError:
    return ModelError(f"model.pool: {name} cannot pool the features of {section.backbone}: {why}")
