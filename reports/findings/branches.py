"""Ranked trials with their parameters by name, where each option of a choice has parameters of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from platform.config.load import LoadedSpace
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.search.importance import JudgedTrial
from platform.tuning.search.trial_translation import Misfit, refit
from platform.tuning.search.sampling import Sample
from platform.tuning.statistic import Statistic
from platform.tuning.settings.sweep_config import SweepConfig
from reports.ranking.rank import RankedTrial


@dataclass(frozen=True)
class Branch:
    """A ranked trial, and its ``parameters`` by name: ``method[peer].drop_rate``."""

    ranked: RankedTrial
    parameters: dict[str, Any]

    def judged(self, statistic: Statistic) -> JudgedTrial:
        """As the importance of parameters is judged by."""
        is_whole = self.ranked.trial.outcome == "finished"
        return JudgedTrial(self.parameters, self.ranked.value(statistic), is_whole)


def branches(loaded: LoadedSpace[SweepConfig], ranking: Sequence[RankedTrial]) -> list[Branch]:
    """The ranked trials in their order; those that the space as it is now cannot draw are not among them."""
    found = []
    for one in ranking:
        try:
            config = TrialConfig.model_validate_json(json.dumps(one.trial.config))
            parameters, _ = refit(loaded, Sample(dict(one.trial.searched), config))
        except (ValidationError, Misfit):  # another version of the code, or of the space, drew it
            continue
        found.append(Branch(one, parameters))
    return found
