"""The number format in which networks run; weights, losses and optimisers are always float32."""

import logging
from typing import Literal

import torch

logger = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "fp16"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Run what stands under it in this precision, as far as torch finds that safe."""
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")


def gradient_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Keeps small gradients from vanishing in fp16; does nothing in the other precisions."""
    if precision == "fp16" and device.type == "cpu":
        logger.warning("precision fp16 is some ten times slower than fp32 on a CPU; bf16 may be faster")
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
