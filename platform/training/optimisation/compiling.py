"""The setting ``compile``: networks through torch.compile, completely or not at all."""

import os
import shutil

import torch
from torch import nn

from platform.training.errors import TrialError

SHAPES = 64
"""Sizes of batch and image, training and evaluation, that one network may be compiled for."""


def compile_network(network: nn.Module, device: torch.device) -> None:
    """Compile ``network`` in place: names of weights stay as they are.

    If torch would fall back to uncompiled code after too many shapes, it raises an error instead. Raises
    :class:`TrialError` if there is no compiler for a CPU.
    """
    import torch._dynamo.config as settings

    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None and shutil.which("clang++") is None:
        raise TrialError(f"compile: true needs a C++ compiler on a CPU, and there is no {compiler} here")
    settings.recompile_limit = SHAPES
    settings.fail_on_recompile_limit_hit = True
    network.compile()
