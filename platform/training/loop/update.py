"""One update of all networks from their gradients: norms, clipping, and the optimisers' steps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from platform.training.loop.finite import FiniteWatch
from platform.training.loop.stages import Stage


def update_weights(
    stage: Stage,
    learnt: Sequence[Sequence[nn.Parameter]],
    scaler: torch.amp.GradScaler,
    watch: FiniteWatch,
    place: str,
) -> None:
    """Step each of the stage's optimisers, unless a loss or a gradient is not finite; the device decides.

    ``learnt``: what each optimiser steps; ``place`` names the update in an error. Raises
    :class:`TrainingDiverged` as :class:`FiniteWatch` does.
    """
    for optimiser in stage.optimisers:
        scaler.unscale_(optimiser)
    norms = [gradient_norm(parameters) for parameters in learnt]
    skips_M = watch.updates_to_skip(torch.stack(norms), place, overflow_is_normal=scaler.is_enabled())
    for parameters, optimiser, section, norm, skip in zip(
        learnt, stage.optimisers, stage.config.optims, norms, skips_M.unbind(), strict=True
    ):
        if section.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(parameters, section.clip_norm, norm)
        step_unless(skip, optimiser)
    scaler.update()


def gradient_norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The 2-norm [] of all gradients together."""
    return nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])


def step_unless(skip: Tensor, optimiser: Optimizer) -> None:
    """Step the optimiser where ``skip`` (float32 [], on the device) is 0; change nothing where it is 1.

    The fused kernels read the flag on the device, so that the host need not wait; torch made it for its
    GradScaler, whose own ``step`` would not know of a loss that is not finite.
    """
    optimiser.found_inf = skip  # type: ignore[attr-defined]
    optimiser.step()
    del optimiser.found_inf  # type: ignore[attr-defined]
