"""The published augmentation policies, over torchvision's own tables of operations and strengths."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from platform.datasets.appearance_config import AugMix, Policy, RandAugment, TrivialAugmentWide

Generator = np.random.Generator
AUGMIX_BINS = 10


@dataclass(frozen=True)
class PolicyOperation:
    """One operation of torchvision's: its name, its strengths (none: it has no strength), and their sign's."""

    name: str
    magnitudes: tuple[float, ...]
    is_signed: bool


class Operations:
    """The operations of one of torchvision's policies, to be done at a strength that the caller chooses."""

    def __init__(self, transform: Any, table: dict[str, Any], bins: int, image_size: int) -> None:
        self._transform = transform
        self.all = [
            PolicyOperation(name, _strengths(magnitudes(bins, image_size, image_size)), signed)
            for name, (magnitudes, signed) in table.items()
        ]

    def random_one(self, image: Tensor, random: Generator, pick: Callable[[int], int]) -> Tensor:
        """Any of them, at the strength ``pick(how many there are)``, in either direction if it has two."""
        operation = self.all[random.integers(len(self.all))]
        magnitude = 0.0
        if operation.magnitudes:
            magnitude = operation.magnitudes[pick(len(operation.magnitudes))]
            if operation.is_signed and random.random() < 0.5:
                magnitude = -magnitude
        return self.do(image, operation.name, magnitude)

    def do(self, image: Tensor, name: str, magnitude: float) -> Tensor:
        """The operation ``name`` on an image [3, S, S] uint8."""
        own = self._transform
        done: Tensor = own._apply_image_or_video_transform(
            image, name, magnitude, interpolation=own.interpolation, fill=own._fill
        )
        return done


def build_policy(policy: Policy, image_size: int) -> Callable[[Tensor, Generator], Tensor]:
    """The policy as a function of a picture [3, S, S] uint8 and a random generator."""
    from torchvision.transforms import v2

    match policy:
        case TrivialAugmentWide():
            trivial = v2.TrivialAugmentWide(policy.num_magnitude_bins)
            one = Operations(trivial, trivial._AUGMENTATION_SPACE, policy.num_magnitude_bins, image_size)
            return lambda image, random: one.random_one(image, random, lambda bins: random.integers(bins))
        case RandAugment():
            rand = v2.RandAugment(policy.num_ops, policy.magnitude, policy.num_magnitude_bins)
            some = Operations(rand, rand._AUGMENTATION_SPACE, policy.num_magnitude_bins, image_size)
            return lambda image, random: reduce(
                lambda done, _: some.random_one(done, random, lambda bins: policy.magnitude),
                range(policy.num_ops),
                image,
            )
        case AugMix():
            mixing = v2.AugMix()
            every = Operations(mixing, mixing._AUGMENTATION_SPACE, AUGMIX_BINS, image_size)
            return lambda image, random: _augmix(policy, every, image, random)


def _augmix(policy: AugMix, operations: Operations, image: Tensor, random: Generator) -> Tensor:
    kept, changed = random.dirichlet([policy.alpha, policy.alpha])
    weights = changed * random.dirichlet([policy.alpha] * policy.mixture_width)
    mixed = kept * image.double()
    for weight in weights:
        chained = image
        depth = policy.chain_depth if policy.chain_depth > 0 else int(random.integers(1, 4))
        for _ in range(depth):
            chained = operations.random_one(chained, random, lambda bins: random.integers(policy.severity))
        mixed += weight * chained.double()
    return mixed.round().clamp(0, 255).to(torch.uint8)


def _strengths(magnitudes: Tensor | None) -> tuple[float, ...]:
    return () if magnitudes is None else tuple(magnitudes.tolist())
