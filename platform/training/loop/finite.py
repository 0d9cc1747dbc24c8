"""Stop updates whose loss or gradient is not finite, and keep the gradient norms of an epoch.

Shapes: M networks, U updates.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from platform.training.errors import TrainingDiverged

UPDATES_UNREAD = 50
"""On a GPU the host reads this many updates at a time: each read makes it wait for the device."""


class FiniteWatch:
    """Decides before each update, on the device, whether the weights may change.

    From the first loss or gradient that is NaN or infinite no weight changes any more. The host raises
    :class:`TrainingDiverged`, which names that update, at once on a CPU and some updates later on a GPU, but
    within the epoch: no checkpoint is written and no metric reported of what came after.
    """

    def __init__(self, device: torch.device, *, updates_unread: int | None = None) -> None:
        """``updates_unread``: how many updates the host reads at a time; None: as suits the device."""
        suitable = 1 if device.type == "cpu" else UPDATES_UNREAD
        self._at_once = suitable if updates_unread is None else updates_unread
        self._has_diverged = torch.zeros((), dtype=torch.bool, device=device)
        self._losses: list[Tensor] = []
        self._unread: list[tuple[Tensor, str, bool]] = []
        self._epoch_norms: list[float] = []

    def add_losses(self, losses: Sequence[Tensor]) -> None:
        """Take the loss [] of each network for one of the batches of the update to come."""
        self._losses.append(torch.stack(list(losses)).detach())

    def updates_to_skip(self, norms_M: Tensor, place: str, *, overflow_is_normal: bool) -> Tensor:
        """Which networks must keep their weights: float32 [M] of 0 and 1, on the device.

        ``norms_M``: the gradient norm of each network, before clipping; ``place`` names the update for the
        message. ``overflow_is_normal``: in fp16 a gradient that is not finite makes the gradient scaler lower
        its scale; the network skips this update and training goes on.

        Raises:
            TrainingDiverged: the host has read this update or an earlier one, and it is not finite.
        """
        losses_M = torch.stack(self._losses).mean(dim=0)
        self._losses = []
        is_finite_M = norms_M.isfinite()
        is_fine = losses_M.isfinite().all()
        self._has_diverged |= ~(is_fine if overflow_is_normal else is_fine & is_finite_M.all())
        self._unread.append((torch.stack([losses_M, norms_M]), place, overflow_is_normal))
        if len(self._unread) >= self._at_once:
            self.read()
        return (self._has_diverged | ~is_finite_M).float()

    def read(self) -> None:
        """Read all updates since the last time; raises TrainingDiverged for the first that is not finite."""
        if not self._unread:
            return
        unread, self._unread = self._unread, []
        values_U2M = torch.stack([values_2M for values_2M, _, _ in unread]).tolist()
        for (losses, norms), (_, place, overflow_is_normal) in zip(values_U2M, unread, strict=True):
            _refuse("loss", losses, place)
            if not overflow_is_normal:
                _refuse("gradient norm", norms, place)
            if all(map(math.isfinite, norms)):
                self._epoch_norms.append(math.hypot(*norms))

    def end_epoch(self) -> dict[str, float]:
        """Read the rest; ``grad_norm`` and ``grad_norm_max``: mean and largest over the epoch's updates.

        The norm is that of all networks' gradients together, before clipping. Updates that overflow in fp16
        do not count; both are absent where all do.
        """
        self.read()
        norms, self._epoch_norms = self._epoch_norms, []
        return {"grad_norm": math.fsum(norms) / len(norms), "grad_norm_max": max(norms)} if norms else {}


def _refuse(what: str, values: Sequence[float], place: str) -> None:
    for network, value in enumerate(values, start=1):
        if not math.isfinite(value):
            raise TrainingDiverged(f"the {what} of network {network} is {value} in {place}")
