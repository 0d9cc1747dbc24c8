"""The processes that train one trial together: each runs a part of every batch, and all make the same update.

Shapes: B samples of a global batch, b those of a worker's part, M networks.

A network runs on its worker's part of a batch. Its outputs are gathered, so that every worker computes
losses, selection and metrics of the whole batch. The gradient of the whole loss flows back into the worker's
own part only; the sum over the workers is the gradient that a single worker would compute. Methods need not
know this.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
import torch.distributed as distributed
from torch import Tensor, nn

Value = TypeVar("Value")


class Workers:
    """``size`` processes of torch.distributed's default group, of which this one is number ``rank``."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        if not 0 <= rank < size:
            raise ValueError(f"rank must be from 0 to {size - 1}, got {rank}")
        self.rank, self.size = rank, size

    @classmethod
    def of_process_group(cls) -> "Workers":
        """The workers of torch.distributed's process group; this process alone if there is none."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this worker writes files and reports."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """The slice of ``count`` samples that this worker runs; slices differ in length by at most one.

        With fewer samples than workers, a worker without any repeats another's sample, which :meth:`gather`
        leaves out.
        """
        start, end = self._bounds(count, self.rank)
        if start == end:
            start = min(start, count - 1)
            end = start + 1
        return slice(start, end)

    def gather(self, own: Tensor, count: int) -> Tensor:
        """Gather the workers' parts [b, …] into the rows [B, …] in order; B is ``count``.

        Backward passes on this worker's rows of the gradient [B, …], which is the same on every worker.
        """
        if self.size == 1:
            return own
        gathered: Tensor = _Gather.apply(own, count, self)
        return gathered

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over the workers; a missing gradient is missing on all of them."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))

    def synchronised(self, network: nn.Module, device: torch.device) -> nn.Module:
        """``network`` with batch norm over the whole batch, which torch supports on GPUs only."""
        if self.size == 1 or device.type != "cuda":
            return network
        from timm.layers import convert_sync_batchnorm  # type: ignore[attr-defined]

        synchronised: nn.Module = convert_sync_batchnorm(network)
        return synchronised

    def average_buffers(self, modules: Iterable[nn.Module]) -> None:
        """Average the buffers (batch-norm statistics) over the workers."""
        if self.size == 1:
            return
        buffers = [buffer for module in modules for buffer in module.buffers() if buffer.is_floating_point()]
        for buffer in buffers:
            distributed.all_reduce(buffer)
            buffer.div_(self.size)

    def agree(self, value: Value) -> Value:
        """Return the first worker's value on every worker."""
        if self.size == 1:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box, src=0)
        first: Value = box[0]
        return first

    def _bounds(self, count: int, rank: int) -> tuple[int, int]:
        return rank * count // self.size, (rank + 1) * count // self.size

    def _rows(self, own: Tensor, count: int) -> Tensor:
        start, end = self._bounds(count, self.rank)
        longest = -(-count // self.size)
        sent = own.new_zeros(longest, *own.shape[1:])
        sent[: end - start] = own[: end - start]
        received = [torch.empty_like(sent) for _ in range(self.size)]
        distributed.all_gather(received, sent)
        lengths = [end - start for start, end in (self._bounds(count, rank) for rank in range(self.size))]
        return torch.cat([rows[:length] for rows, length in zip(received, lengths, strict=True)])


ALONE = Workers()
"""One process, which does it all."""


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, count: int, workers: Workers) -> Tensor:
        ctx.bounds, ctx.shape = workers._bounds(count, workers.rank), own.shape
        return workers._rows(own.detach(), count)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        start, end = ctx.bounds
        own = gradient.new_zeros(ctx.shape)
        own[: end - start] = gradient[start:end]
        return own, None, None
