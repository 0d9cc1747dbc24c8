"""Find where a step would make the host wait for a GPU, without a GPU.

The host waits when it must know a value that the device computes (``.item()``, ``if tensor``, a boolean mask
as an index), and when it copies memory that is not pinned, such as a tensor made of Python numbers. Two ways
to look for that:

- On fake CUDA tensors (torch's FakeTensorMode), whose copies between devices can be seen. torch cannot run
  backward on them without a GPU.
- On the CPU, with backward and update: copies cannot be seen there, but tensors made of numbers can.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / name) for name in ("platform", "tests/conformance"))
READS = ("_local_scalar_dense", "equal", "is_nonzero", "nonzero", "masked_select", "bincount", "_unique2")
MADE_OF_NUMBERS = "lift_fresh"
INDEXED = ("index", "index_put_", "index_put", "_unsafe_index")


class Waits(TorchDispatchMode):
    """Records ``operation at file:line`` for each operation in which the host would wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        options = options or {}
        if reason := _reason(operation, arguments, options):
            self.found.append(f"{reason} at {_line_of_ours()}")
        return operation(*arguments, **options)


def _reason(operation, arguments, options):
    name = operation.overloadpacket.__name__
    if name in READS or name.startswith("unique"):
        return name
    if name == MADE_OF_NUMBERS and arguments[0].device.type == "cpu" and not _is_watching_fakes():
        return "a tensor made of numbers"
    if name in INDEXED and any(_is_mask(index) for index in arguments[1] if index is not None):
        return "a boolean mask as an index"
    if name == "_to_copy" and "device" in options:
        return _copy(arguments[0].device, torch.device(options["device"]))
    if name == "copy_":
        return _copy(arguments[1].device, arguments[0].device)
    return None


def _is_mask(index):
    return index.dtype in (torch.bool, torch.uint8)


def _copy(source, target):
    return f"a copy from {source.type} to {target.type}" if source.type != target.type else None


def _is_watching_fakes():
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is not None


def _line_of_ours():
    frame = sys._getframe()
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(OURS):
            return f"{Path(file).relative_to(ROOT)}:{frame.f_lineno}"
        frame = frame.f_back
    return "a line of torch's (a backward pass, say)"


@contextmanager
def fake_gpu() -> Iterator[Waits]:
    """Context in which tensors may be on ``cuda``: they have shapes and devices, but no values."""
    with FakeTensorMode(), Waits() as waits:
        yield waits


def to_fake_gpu(module: nn.Module) -> nn.Module:
    """The module with fake weights and buffers on ``cuda``; call it in :func:`fake_gpu`."""
    for each in module.modules():
        for name, weight in each._parameters.items():
            if weight is not None:
                each._parameters[name] = nn.Parameter(like(weight), weight.requires_grad)
        for name, buffer in each._buffers.items():
            if buffer is not None:
                each._buffers[name] = like(buffer)
    return module


def like(tensor: Tensor) -> Tensor:
    """A fake tensor of the same form on ``cuda``."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cuda")
