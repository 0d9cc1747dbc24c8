"""Intermediate features of a timm network. B: batch, C: classes, K: stages, F: channels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from platform.models.errors import ModelError
from platform.models.normalisation import converted


@dataclass(frozen=True)
class Feature:
    """The features of one stage.

    ``place``: index of the stage, from 0; ``halvings``: how often the image's sides were halved before it;
    ``from_end``: 1 for the network's last stage, 2 for the one before.
    """

    place: int
    channels: int
    halvings: int
    from_end: int


def feature_list(network: nn.Module) -> list[Feature]:
    """timm's list of the network's features, one per stage or block; the number depends on the architecture.

    Raises :class:`ModelError` if timm offers none.
    """
    known: Any = getattr(network, "feature_info", None)
    if not known or not hasattr(network, "forward_intermediates"):
        raise ModelError(f"timm offers no intermediate features of {type(network).__name__}")
    return [
        Feature(place, one["num_chs"], round(math.log2(max(one.get("reduction", 1), 1))), len(known) - place)
        for place, one in enumerate(known)
    ]


def choose_features(network: nn.Module, stages: Sequence[int]) -> list[Feature]:
    """The features of these stages, ascending; -1 is the last stage, -2 the one before.

    Raises :class:`ModelError` for a stage that the network does not have or that is named twice.
    """
    there = feature_list(network)
    wrong = [place for place in stages if not -len(there) <= place < len(there)]
    if wrong:
        raise ModelError(
            f"method.stages: {type(network).__name__} has {len(there)} stages, "
            f"{-len(there)} to {len(there) - 1}, got {wrong[0]}"
        )
    places = [place % len(there) for place in stages]
    if len(set(places)) < len(places):
        raise ModelError(f"method.stages: names a stage of {type(network).__name__} twice: {list(stages)}")
    return [there[place] for place in sorted(places)]


def forward_with_features(
    network: nn.Module, images: Tensor, features: Sequence[Feature]
) -> tuple[Tensor, list[Tensor]]:
    """Logits [B, C] and feature maps [B, F, H, W] from one pass. Pass images as to ``network(images)``."""
    last, maps = network.forward_intermediates(  # type: ignore[operator]
        converted(network, images), indices=[feature.place for feature in features], output_fmt="NCHW"
    )
    logits: Tensor = network.forward_head(last)  # type: ignore[operator]
    return logits, maps
