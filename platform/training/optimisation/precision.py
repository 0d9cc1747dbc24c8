"""The number format in which networks run; weights, losses and optimisers are always float32."""

import copy
import logging
import time
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

logger = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionSetting = Literal["auto", "fp32", "bf16", "fp16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

TIMED_STEPS = 3
WORTH = 0.95
"""bf16 is taken on a CPU where a step takes less than this share of one in fp32: it costs some accuracy."""


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Run what stands under it in this precision, as far as torch finds that safe."""
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")


def gradient_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Keeps small gradients from vanishing in fp16; does nothing in the other precisions."""
    if precision == "fp16" and device.type == "cpu":
        logger.warning("precision fp16 is some ten times slower than fp32 on a CPU; bf16 may be faster")
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


def settle(setting: PrecisionSetting, networks: Sequence[nn.Module], images: torch.Tensor) -> Precision:
    """What ``auto`` comes to, said in the log; any other setting is what it says.

    bf16 on a GPU that computes in it. On a CPU both formats are timed on ``images`` [B, 3, H, W], forward and
    backward through copies of the networks, and bf16 is taken where it is faster.
    """
    if setting != "auto":
        return setting
    if images.device.type == "cuda":
        precision: Precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        logger.info("precision auto: %s on %s", precision, torch.cuda.get_device_name(images.device))
        return precision
    seconds = {each: _step_seconds(networks, images, each) for each in ("fp32", "bf16")}
    precision = "bf16" if seconds["bf16"] < WORTH * seconds["fp32"] else "fp32"
    timed = ", ".join(f"{each} {value * 1000:.0f} ms" for each, value in seconds.items())
    logger.info("precision auto: %s (a step of %d images: %s)", precision, len(images), timed)
    return precision


def _step_seconds(networks: Sequence[nn.Module], images: torch.Tensor, precision: str) -> float:
    """The shortest of some steps' times, after one that does not count; one network after the other."""
    with torch.random.fork_rng(devices=[]):
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
        taken.append(time.perf_counter() - started)
    return min(taken[1:])
