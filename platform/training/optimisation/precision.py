"""The number format of forward and backward passes; weights, losses and optimisers are always float32."""

import copy
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

logger = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionSetting = Literal["auto", "measured", "fp32", "bf16", "fp16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

TIMED_STEPS = 3
WORTH = 0.95
"""``measured`` takes bf16 where a step takes less than this share of one in fp32: it costs some accuracy."""


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Context in which operations that torch considers safe run in this precision."""
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")


def gradient_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Gradient scaler that keeps small fp16 gradients from vanishing; it does nothing in other precisions."""
    if precision == "fp16" and device.type == "cpu":
        logger.warning("precision fp16 is some ten times slower than fp32 on a CPU; bf16 may be faster")
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


@contextmanager
def tensor_float32(device: torch.device) -> Iterator[None]:
    """Context in which a GPU multiplies float32 matrices as TF32: 10 bits of mantissa, eight times as fast.

    cuDNN's convolutions do so by default. The setting is the process's, and is put back at the end.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def automatic_precision(device: torch.device) -> Precision:
    """What ``auto`` is on ``device``: bf16 on a GPU that computes in it, else fp32.

    Nothing is measured, so that equal trials on one machine have equal weights. Older GPUs get fp32 and not
    fp16, in which a network that is sound in fp32 may overflow.
    """
    if device.type != "cuda":
        return "fp32"
    with torch.cuda.device(device):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def settle(
    setting: PrecisionSetting,
    networks: Sequence[nn.Module],
    device: torch.device,
    example: Callable[[], torch.Tensor],
) -> Precision:
    """Resolve ``auto`` and ``measured`` to a precision, and log it; others are returned unchanged.

    ``measured`` times forward and backward passes of copies of the networks on ``example()``, images
    [B, 3, H, W], in fp32 and bf16, and takes bf16 if it is faster.
    """
    if setting == "auto":
        precision = automatic_precision(device)
        logger.info("precision auto: %s on %s", precision, _name(device))
        return precision
    if setting != "measured":
        return setting
    images = example()
    seconds = {each: _step_seconds(networks, images, each) for each in ("fp32", "bf16")}
    precision = "bf16" if seconds["bf16"] < WORTH * seconds["fp32"] else "fp32"
    timed = ", ".join(f"{each} {value * 1000:.0f} ms" for each, value in seconds.items())
    logger.info("precision measured: %s (a step of %d images: %s)", precision, len(images), timed)
    return precision


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"


def _step_seconds(networks: Sequence[nn.Module], images: torch.Tensor, precision: str) -> float:
    """Shortest time of a few steps after a warm-up step (s); networks are timed one after the other."""
    devices = [images.device] if images.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), tensor_float32(images.device):
        return sum(_one_network_seconds(network, images, precision) for network in networks)


def _one_network_seconds(network: nn.Module, images: torch.Tensor, precision: str) -> float:
    alone = copy.deepcopy(
        network
    ).train()  # a copy at a time: together they would set the trial's peak memory
    taken = []
    for _ in range(1 + TIMED_STEPS):
        started = time.perf_counter()
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = alone(images).float().square().mean()
        loss.backward()
        if images.device.type == "cuda":
            torch.cuda.synchronize(images.device)
        taken.append(time.perf_counter() - started)
    return min(taken[1:])
