"""Published augmentation policies, with torchvision's tables of operations and strengths."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from platform.datasets.augmentation.appearance_config import AugMix, Policy, RandAugment, TrivialAugmentWide
from platform.datasets.augmentation.batched_operations import Interpolation, operate
from platform.datasets.augmentation.changes import Change, Draws, place
from platform.datasets.image_size import Size

DRAWS_AN_OPERATION = 3  # which one, how strong, in which direction
AUGMIX_BINS = 10
AUGMIX_DEPTHS = (1, 2, 3)


@dataclass(frozen=True)
class Choice:
    """An operation by torchvision's name; magnitude 0 if it has none."""

    name: str
    magnitude: float


class Operations:
    """The operations of a torchvision policy at ``bins`` strengths."""

    def __init__(self, transform: Any, bins: int, size: Size) -> None:
        self.table = [
            (name, _strengths(magnitudes(bins, *size)), signed)
            for name, (magnitudes, signed) in transform._AUGMENTATION_SPACE.items()
        ]

    def choose(self, draws_3: Sequence[float], strengths: slice = slice(None)) -> Choice:
        """A random operation at one of its ``strengths``, in a random direction if it has two."""
        name, magnitudes, signed = self.table[place(draws_3[0], len(self.table))]
        if not magnitudes:
            return Choice(name, 0.0)
        allowed = magnitudes[strengths]
        magnitude = allowed[place(draws_3[1], len(allowed))]
        return Choice(name, -magnitude if signed and draws_3[2] < 0.5 else magnitude)


def policy_change(policy: Policy, size: Size) -> tuple[int, Change]:
    """How many random numbers an image needs, and the change that uses them."""
    from torchvision.transforms import v2

    match policy:
        case TrivialAugmentWide():
            bins = policy.num_magnitude_bins
            return _one_after_another(Operations(v2.TrivialAugmentWide(bins), bins, size), 1)
        case RandAugment():
            bins, strength = policy.num_magnitude_bins, slice(policy.magnitude, policy.magnitude + 1)
            operations = Operations(v2.RandAugment(num_magnitude_bins=bins), bins, size)
            return _one_after_another(operations, policy.num_ops, strength)
        case AugMix():
            return _augmix(policy, Operations(v2.AugMix(policy.severity), AUGMIX_BINS, size))


def _one_after_another(
    operations: Operations, count: int, strengths: slice = slice(None)
) -> tuple[int, Change]:
    def change(images: Tensor, draws: Sequence[Draws]) -> Tensor:
        for start in range(0, count * DRAWS_AN_OPERATION, DRAWS_AN_OPERATION):
            choices = [operations.choose(own[start : start + 3], strengths) for own in draws]
            images = do_all(images, choices)
        return images

    return count * DRAWS_AN_OPERATION, change


def do_all(images: Tensor, choices: Sequence[Choice], interpolation: Interpolation = "nearest") -> Tensor:
    """Apply each image's operation; images with the same operation go together."""
    together: dict[str, list[int]] = defaultdict(list)
    for number, choice in enumerate(choices):
        together[choice.name].append(number)
    done = torch.empty_like(images)
    for name, numbers in together.items():
        magnitudes = [choices[number].magnitude for number in numbers]
        done[numbers] = operate(name, images[numbers], magnitudes, interpolation)
    return done


def _augmix(policy: AugMix, operations: Operations) -> tuple[int, Change]:
    """Random numbers: for each chain its depth, then its operations; last, the seed of the weights."""
    depths = AUGMIX_DEPTHS if policy.chain_depth < 1 else (policy.chain_depth,)
    draws_a_chain = 1 + depths[-1] * DRAWS_AN_OPERATION
    strengths = slice(policy.severity)

    def chain(images: Tensor, chains: Sequence[Draws]) -> Tensor:
        own_depths = [depths[place(own[0], len(depths))] for own in chains]
        chained = images.clone()
        for turn in range(depths[-1]):
            start = 1 + turn * DRAWS_AN_OPERATION
            numbers = [number for number, depth in enumerate(own_depths) if depth > turn]
            choices = [operations.choose(chains[number][start : start + 3], strengths) for number in numbers]
            chained[numbers] = do_all(chained[numbers], choices, "bilinear")
        return chained

    def change(images: Tensor, draws: Sequence[Draws]) -> Tensor:
        weights_WB111 = torch.tensor([augmix_weights(policy, own[-1]) for own in draws]).T[
            ..., None, None, None
        ]
        mixed = images * weights_WB111[0]
        for number, weights_B111 in enumerate(weights_WB111[1:]):
            part = slice(number * draws_a_chain, (number + 1) * draws_a_chain)
            mixed += chain(images, [own[part] for own in draws]) * weights_B111
        # rounded; torchvision truncates, which makes images half a level darker
        return mixed.round_().clamp_(0, 255).to(torch.uint8)

    return policy.mixture_width * draws_a_chain + 1, change


def augmix_weights(policy: AugMix, draw: float) -> list[float]:
    """Weights of the original image and of each chain; they sum to 1."""
    random = np.random.default_rng(round(draw * 2**32))
    kept, changed = random.dirichlet([policy.alpha] * 2)
    return [float(kept), *(changed * random.dirichlet([policy.alpha] * policy.mixture_width)).tolist()]


def _strengths(magnitudes: Tensor | None) -> list[float]:
    return [] if magnitudes is None else magnitudes.tolist()
