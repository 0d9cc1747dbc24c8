"""The section search.scheduler: which of Ray Tune's schedulers stops trials early, with its own options.

Names and meanings are those of ray.tune.schedulers; time is counted in epochs; ``max_t`` is a
trial's epochs.
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
        None,
        ge=1,
        description="epochs that every trial gets; null: 15 % of the epochs of the longest trial, at least "
        "one",
        examples=[3],
    )
    reduction_factor: float = Field(
        3, gt=1, description="one trial in this many goes on at each rung; larger: more are stopped"
    )
    brackets: int = Field(
        1,
        ge=1,
        description="groups of trials, each with a first rung that is reduction_factor times later than "
        "that of the one before; the seed assigns them",
    )

    pauses: ClassVar[bool] = False

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """Total epochs if each of ``trials`` were stopped as early as possible.

        ``shortest``, ``longest``: epochs of the space's trials. The first trial at a rung always goes on, so
        one trial runs to its end.
        """
        return (trials - 1) * min(self.first_rung(longest), shortest) + shortest

    def first_rung(self, longest: int) -> int:
        """The epoch after which a trial may be stopped; ``longest``: epochs of the space's longest trial.

        Earlier, learning curves cross too often: trials that end well may still be at chance level.
        """
        return self.grace_period or max(1, round(SHARE_OF_EPOCHS * longest))

    def __str__(self) -> str:
        first = f"epoch {self.grace_period}" if self.grace_period else f"{SHARE_OF_EPOCHS:.0%} of the epochs"
        return f"asha: from {first} on, one in {self.reduction_factor:g} goes on"


class MedianScheduler(Section):
    """The median stopping rule (Golovin et al., KDD 2017): stops trials worse than half of the others."""

    name: Literal["median"] = "median"
    grace_period: int = Field(1, ge=1, description="epochs that every trial gets")
    min_samples_required: int = Field(
        3, ge=1, description="trials that must have come as far before one is judged"
    )
    min_time_slice: int | None = Field(
        None,
        ge=0,
        description="epochs after which a trial makes room for a waiting one while there are too few to "
        "compare; null: never",
        examples=[2],
    )
    hard_stop: bool = Field(
        True,
        description="true: end a bad trial; false: pause it, and go on with it when no other trial is left",
    )

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """As for :class:`AshaScheduler`; no trial is stopped while too few have come that far."""
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
    reduction_factor: float = Field(
        3, gt=1, description="one trial in this many of a bracket goes on at each halving"
    )

    pauses: ClassVar[bool] = True

    def least_epochs(self, trials: int, shortest: int, longest: int) -> int:
        """As for :class:`AshaScheduler`: the epochs that trials do before their bracket's first halving.

        Bracket s of S + 1, where S = log(R) / log(eta) for R epochs, takes ceil((S + 1) / (s + 1) eta^s)
        trials and first halves them after R eta^-s epochs. Brackets are filled in this order, repeatedly;
        brackets that would halve before the first epoch are skipped.
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
