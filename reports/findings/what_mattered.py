"""Which searched parameters mattered, and which values the best trials share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from platform.config.load import LoadedSpace
from platform.config.space import Space
from platform.tuning.goals import Statistic
from platform.tuning.search.importance import LEAST_TRIALS, Importance, importances
from platform.tuning.settings.sweep_config import SweepConfig
from reports.findings.branches import Branch, branches
from reports.findings.top_tenth import Shared, shared_values
from reports.ranking.rank import Mode, RankedTrial


@dataclass(frozen=True)
class WhatMattered:
    """``ranked``: the trials considered, the best first; ``left_out``: ranked trials that are not.

    ``shared``: shared values of each parameter, the most surprising first.
    """

    space: Space
    ranked: list[Branch]
    left_out: int = 0
    importances: list[Importance] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether there are enough trials for any importance."""
        return any(one.ped_anova is not None for one in self.importances)

    def sentences(self, metric: str) -> list[str]:
        """The results in sentences, or why there are none."""
        lines = []
        if self.left_out:
            are, them = ("trial is", "it") if self.left_out == 1 else ("trials are", "them")
            lines.append(
                f"{self.left_out} ranked {are} left out here: the space as it is now cannot draw {them}."
            )
        if not self.is_known:
            reason = (
                f"too few, {LEAST_TRIALS} are needed"
                if len(self.ranked) < LEAST_TRIALS
                else f"too few in each branch of the space ({LEAST_TRIALS} are needed), or equally good"
            )
            return [
                *lines,
                f"Which parameters mattered is unknown: {len(self.ranked)} ranked trials are {reason}.",
            ]
        names = [one.parameter.name for one in self.importances if one.matters]
        if names:
            lines.append(
                f"More than chance, {_listed(names)} {'decides' if len(names) == 1 else 'decide'} whether a "
                f"trial is among the best by {metric}."
            )
        else:
            lines.append("No parameter matters more than chance: the trials are too few or too similar.")
        surprises = [f"{one.parameter.name} ({one.in_top})" for one in self.shared if one.is_surprising]
        if surprises:
            lines.append(f"More than chance, the best trials share: {_listed(surprises)}.")
        return lines


def what_mattered(
    loaded: LoadedSpace[SweepConfig], ranking: Sequence[RankedTrial], direction: Mode, statistic: Statistic
) -> WhatMattered | None:
    """Judge parameters by the ranked metric; None if nothing was searched or no trial is ranked."""
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
