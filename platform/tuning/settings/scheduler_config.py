"""The section search.scheduler: which of Ray Tune's schedulers stops trials early, with its own options.

Names and meanings are those of ray.tune.schedulers; time is epochs, and ``max_t`` a trial's epochs.
"""

import itertools
import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from platform.config.section import Section

SHARE_OF_EPOCHS = 0.15


class AshaScheduler(Section):
    """Asynchronous successive halving (Li et al., MLSys 2020): stops the worse trials at each rung."""

    name: Literal["asha"] = "asha"
    grace_period: int | None = Field(
        None, ge=1, description="epochs that every trial gets; null: 15 % of the longest one's, at least one"
    )
    reduction_factor: float = Field(3, gt=1, description="one in this many goes on at each rung")
    brackets: int = Field(
        1, ge=1, description="kinds of trials, each with a first rung that much later; drawn by the seed"
    )

    pauses: ClassVar[bool] = False

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """Epochs in all, were each of ``trials`` stopped as early as it can be.

        ``shortest``, ``longest``: epochs of the space's trials. Of those at a rung the first always goes on,
        so one runs to its end.
        """
        return (trials - 1) * min(self.first_rung(longest), shortest) + shortest

    def first_rung(self, longest: int) -> int:
        """The epoch after which a trial may be stopped; ``longest``: epochs of the space's longest trial.

        Before it learning curves cross too often: those that end well are still rising from chance.
        """
        return self.grace_period or max(1, round(SHARE_OF_EPOCHS * longest))

    def __str__(self) -> str:
        first = f"epoch {self.grace_period}" if self.grace_period else f"{SHARE_OF_EPOCHS:.0%} of the epochs"
        return f"asha: from {first} on, one in {self.reduction_factor:g} goes on"


class MedianScheduler(Section):
    """The median stopping rule (Golovin et al., KDD 2017): stops what is worse than half the others."""

    name: Literal["median"] = "median"
    grace_period: int = Field(1, ge=1, description="epochs that every trial gets")
    min_samples_required: int = Field(3, ge=1, description="trials that must have come that far")
    min_time_slice: int | None = Field(
        None,
        ge=0,
        description="epochs after which a trial makes room for a waiting one while there are too few to "
        "compare; null: never",
    )
    hard_stop: bool = Field(
        True, description="false: pause it, and go on with it when no other trial is left"
    )

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """As of :class:`AshaScheduler`; while too few have come that far, none is stopped."""
        if trials <= self.min_samples_required:
            return trials * shortest
        return (trials - 1) * min(self.grace_period, shortest) + shortest

    def __str__(self) -> str:
        return f"median: from epoch {self.grace_period} on, what is worse than the median of the others"

    @property
    def pauses(self) -> bool:
        return not self.hard_stop or self.min_time_slice is not None


class HyperbandScheduler(Section):
    """HyperBand (Li et al., JMLR 2018): brackets that wait for their trials, then stop the worse ones."""

    name: Literal["hyperband"] = "hyperband"
    reduction_factor: float = Field(3, gt=1, description="one in this many of a bracket goes on")

    pauses: ClassVar[bool] = True

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """As of :class:`AshaScheduler`: the sum of what each trial's bracket gives it before it judges.

        Bracket s of S + 1, where S = log(R) / log(eta) for R epochs, takes ceil((S + 1) / (s + 1) eta^s)
        trials and first judges them after R eta^-s epochs; they are filled in this order, again and again,
        but for those that would judge before the first epoch.
        """
        eta, total = self.reduction_factor, 0
        count = round(math.log(longest) / math.log(eta)) + 1
        brackets = [(math.ceil(count / (s + 1) * eta**s), int(longest * eta**-s)) for s in range(count)]
        endless = itertools.cycle([one for one in brackets if one[1]])
        while trials:
            room, judged_after = next(endless)
            taken = min(trials, room)
            total += taken * min(judged_after, shortest)
            trials -= taken
        return total

    def __str__(self) -> str:
        return f"hyperband: one in {self.reduction_factor:g} of each bracket goes on"


class NoScheduler(Section):
    """Every trial runs all its epochs."""

    name: Literal["none"] = "none"

    pauses: ClassVar[bool] = False

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """Every trial runs to its end."""
        return trials * shortest

    def __str__(self) -> str:
        return "every trial runs all its epochs"


Scheduler = Annotated[
    AshaScheduler | MedianScheduler | HyperbandScheduler | NoScheduler, Field(discriminator="name")
]
