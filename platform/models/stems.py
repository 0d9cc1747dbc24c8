"""Stems for small images: a network made for 224 px reduces 16 px to one pixel too early.

The first layers of a convolutional network reduce the resolution by 4 (a strided convolution and a pool, two
strided convolutions, or 4-px patches) or by 2. Here they keep it: strided convolutions get stride 1, pools
are removed. Weights keep their shapes, so published ones still fit.
"""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALL_BELOW_PX = 64
MOST_UNDONE = 4
"""Undo downsampling up to this factor; deeper stems keep the rest of theirs."""

TRACE_PX = 64
STEM = re.compile(
    r"(body\.)?(stem|stem_conv|conv_stem|conv_?0|conv1|conv2|maxpool|patch_embed"
    r"|features\.(conv0|pool0|conv1_1|conv1_pool))(\.|$)"
)
"""timm's names of the layers before the first stage."""

POOLS = ("MaxPool2d", "AvgPool2d", "MaxPool2dSame", "AvgPool2dSame", "BlurPool2d")


@dataclass(frozen=True)
class Downsampling:
    """A layer of the stem that reduces the resolution."""

    name: str
    module: nn.Module
    input_px: int
    output_px: int

    @property
    def factor(self) -> float:
        return self.input_px / self.output_px


def make_stem_small(network: nn.Module) -> bool:
    """Let a convolutional network's stem keep the resolution; False, without changes, if none is found."""
    layers = _stem_of(network)
    for layer in layers:
        if isinstance(layer.module, nn.Conv2d):
            _keep_resolution(layer.module)
        else:
            _remove_pool(network, layer.name)
    return bool(layers)


def has_small_stem(network: nn.Module) -> bool:
    """Whether :func:`make_stem_small` would find a stem."""
    return bool(_stem_of(network))


def _stem_of(network: nn.Module) -> list[Downsampling]:
    """The first layers that reduce the resolution, by 2 or 4 in total; parallel layers see the same size."""
    if _is_made_for_one_size(network):
        return []
    stem: list[Downsampling] = []
    sizes: dict[int, float] = {}
    for layer in _trace(network):
        undone = sizes | {layer.input_px: layer.factor}
        is_stem = STEM.match(layer.name) and (
            isinstance(layer.module, nn.Conv2d) or type(layer.module).__name__ in POOLS
        )
        if not is_stem or math.prod(undone.values()) > MOST_UNDONE:
            break
        sizes = undone
        stem.append(layer)
    return stem


def _is_made_for_one_size(network: nn.Module) -> bool:
    config = getattr(network, "pretrained_cfg", None) or {}
    return bool(config.get("fixed_input_size", False))


def _trace(network: nn.Module) -> list[Downsampling]:
    """The layers that reduce the resolution, in forward order."""
    passed: list[Downsampling] = []
    names = {module: name for name, module in network.named_modules() if not list(module.children())}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(module, nn.Linear) or not (_is_image(inputs[0]) and _is_image(output)):
            return
        before, after = inputs[0].shape[-1], output.shape[-1]
        if after < before:
            passed.append(Downsampling(names[module], module, before, after))

    with _in_eval_mode(network), torch.no_grad():
        hooks = [module.register_forward_hook(note) for module in names]
        try:
            some = next(network.parameters())
            network(torch.zeros(1, 3, TRACE_PX, TRACE_PX, device=some.device, dtype=some.dtype))
        finally:
            for hook in hooks:
                hook.remove()
    return passed


def _is_image(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 4


@contextmanager
def _in_eval_mode(network: nn.Module) -> Iterator[None]:
    was_training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_training)


def _keep_resolution(convolution: nn.Conv2d) -> None:
    convolution.stride = (1, 1)
    if "Same" in type(convolution).__name__ or isinstance(convolution.padding, str):
        return  # this padding follows the stride
    if all(2 * int(p) == k - 1 for p, k in zip(convolution.padding, convolution.kernel_size, strict=False)):
        return
    total = [kernel - 1 for kernel in reversed(convolution.kernel_size)]
    sides = [side for pixels in total for side in (pixels // 2, pixels - pixels // 2)]
    convolution.padding = (0, 0)
    convolution.register_forward_pre_hook(partial(_pad, sides))


def _pad(sides: list[int], _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Zeros around the image; an even kernel (such as patches) needs one more after than before."""
    return (F.pad(inputs[0], sides), *inputs[1:])


def _remove_pool(network: nn.Module, name: str) -> None:
    path, _, last = name.rpartition(".")
    owner = network.get_submodule(path)
    setattr(owner, last, nn.Identity())
    if isinstance(getattr(owner, "pad", None), nn.ConstantPad2d):
        owner.pad = nn.Identity()  # resnetv2 pads for its pool in a separate layer
