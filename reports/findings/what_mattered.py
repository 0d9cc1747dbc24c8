"""Which of the searched parameters mattered, and what the best trials have in common."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from platform.config.load import LoadedSpace
from platform.config.space import Space
from platform.tuning.search.importance import LEAST_TRIALS, Importance, importances
from platform.tuning.statistic import Statistic
from platform.tuning.settings.sweep_config import SweepConfig
from reports.findings.branches import Branch, branches
from reports.ranking.rank import Mode, RankedTrial
from reports.findings.top_tenth import Shared, shared_values


@dataclass(frozen=True)
class WhatMattered:
    """``ranked``: the trials that were looked at, the best first; ``left_out``: how many more are ranked.

    ``shared``: of each parameter, the most surprising first.
    """

    space: Space
    ranked: list[Branch]
    left_out: int = 0
    importances: list[Importance] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether there were enough trials for any importance."""
        return any(one.ped_anova is not None for one in self.importances)

    def sentences(self, metric: str) -> list[str]:
        """What the numbers say, and what they cannot say."""
        told = []
        if self.left_out:
            told.append(
                f"{self.left_out} ranked {'trial' if self.left_out == 1 else 'trials'} that the space cannot "
                "draw as it is now are not looked at here."
            )
        if not self.is_known:
            reason = (
                f"too few: importance, and what the best share, need {LEAST_TRIALS}"
                if len(self.ranked) < LEAST_TRIALS
                else f"not enough in any branch of the space, or worth the same: {LEAST_TRIALS} are needed"
            )
            return [
                *told,
                f"Which parameters mattered is not said: {len(self.ranked)} ranked trials are {reason}.",
            ]
        names = [one.parameter.name for one in self.importances if one.matters]
        if names:
            told.append(
                f"More than chance decide {_listed(names)} whether a trial is among the best by {metric}."
            )
        else:
            told.append(
                "No parameter matters more than chance would have it: the trials are too few or too alike."
            )
        surprises = [f"{one.parameter.name} ({one.in_top})" for one in self.shared if one.is_surprising]
        if surprises:
            told.append(f"What the best share, more than chance would have it: {_listed(surprises)}.")
        return told


def what_mattered(
    loaded: LoadedSpace[SweepConfig], ranking: Sequence[RankedTrial], direction: Mode, statistic: Statistic
) -> WhatMattered | None:
    """Judged by what trials are ranked by; None where nothing was searched, or no trial is ranked."""
    space = loaded.space
    if not ranking or not space.parameters():
        return None
    ranked = branches(loaded, ranking)
    judged = [one.judged(statistic) for one in ranked]
    return WhatMattered(
        space,
        ranked,
        len(ranking) - len(ranked),
        importances(space, [one for one in judged if math.isfinite(one.value)], direction),
        shared_values(space, ranked),
    )


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
