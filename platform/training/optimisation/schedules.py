"""The section ``schedule``: the learning rate at each step of a trial.

The rate depends on the global step alone. All schedules warm up the same way: linearly, the first step at
1/n of the learning rate where the warm-up takes n steps.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field
from torch.optim import Optimizer

from platform.config.section import Section

if TYPE_CHECKING:
    from timm.scheduler.scheduler import Scheduler

    Schedule: TypeAlias = Scheduler
else:
    Schedule = Any

Warmup = Annotated[float, Field(ge=0, description="epochs over which the learning rate rises linearly")]


class CosineConfig(Section):
    """Half a cosine from ``optim.lr`` to its end (Loshchilov & Hutter, ICLR 2017, arXiv 1608.03983)."""

    name: Literal["cosine"] = "cosine"
    warmup_epochs: Warmup = 1.0
    end_factor: float = Field(0.0, ge=0, lt=1, description="last learning rate as a share of optim.lr")


class StepConfig(Section):
    """The learning rate falls by a factor every few epochs."""

    name: Literal["step"] = "step"
    warmup_epochs: Warmup = 1.0
    step_epochs: float = Field(10.0, gt=0, description="epochs between two steps, from the trial's start")
    factor: float = Field(
        0.1, gt=0, le=1, description="factor that each step multiplies the learning rate by"
    )


class ConstantConfig(Section):
    """``optim.lr`` to the end."""

    name: Literal["constant"] = "constant"
    warmup_epochs: Warmup = 1.0


class OneCycleConfig(Section):
    """Half a cosine up for ``warmup_epochs``, then half a cosine down to almost zero.

    Smith & Topin, Super-Convergence, 2018 (arXiv 1708.07120); the momentum does not cycle here.
    """

    name: Literal["one_cycle"] = "one_cycle"
    warmup_epochs: float = Field(1.0, ge=0, description="epochs over which the learning rate rises")
    start_factor: float = Field(0.04, gt=0, le=1, description="first learning rate as a share of optim.lr")
    end_factor: float = Field(1e-4, ge=0, lt=1, description="last learning rate as a share of optim.lr")


ScheduleConfig = Annotated[
    CosineConfig | StepConfig | ConstantConfig | OneCycleConfig, Field(discriminator="name")
]


def build_schedule(
    config: ScheduleConfig, optimiser: Optimizer, *, epochs: int, steps_per_epoch: int
) -> "Schedule":
    """Build a timm scheduler whose ``step_update(n)`` sets the learning rate of step n (from 0)."""
    from timm.scheduler.cosine_lr import CosineLRScheduler
    from timm.scheduler.step_lr import StepLRScheduler

    from platform.training.optimisation.one_cycle import OneCycleLRScheduler  # imports timm

    learning_rate = optimiser.defaults["lr"]
    steps = epochs * steps_per_epoch
    warmup_steps = round(config.warmup_epochs * steps_per_epoch)
    warmup: dict[str, Any] = {
        "warmup_t": warmup_steps,
        "warmup_lr_init": learning_rate / max(warmup_steps, 1),
        "t_in_epochs": False,
    }
    match config:
        case CosineConfig():
            end = learning_rate * config.end_factor
            length = max(steps - warmup_steps, 2)  # timm logs a warning about a cycle of one step
            return CosineLRScheduler(optimiser, t_initial=length, lr_min=end, warmup_prefix=True, **warmup)
        case StepConfig():
            period = max(round(config.step_epochs * steps_per_epoch), 1)
            return StepLRScheduler(
                optimiser, decay_t=period, decay_rate=config.factor, warmup_prefix=False, **warmup
            )
        case ConstantConfig():
            return StepLRScheduler(optimiser, decay_t=steps + 1, decay_rate=1.0, **warmup)
        case OneCycleConfig():
            return OneCycleLRScheduler(
                optimiser,
                steps=steps,
                rising_steps=warmup_steps,
                start_factor=config.start_factor,
                end_factor=config.end_factor,
            )
