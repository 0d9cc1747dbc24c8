"""Ranked trials with their parameters by full name, which includes the options they stand below."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from platform.config.load import LoadedSpace
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.goals import Statistic
from platform.tuning.search.importance import JudgedTrial
from platform.tuning.search.sampling import Sample
from platform.tuning.search.trial_translation import OutsideSpace, translate
from platform.tuning.settings.sweep_config import SweepConfig
from reports.ranking.rank import RankedTrial


@dataclass(frozen=True)
class Branch:
    """A ranked trial, and its ``parameters`` by name: ``method[peer].drop_rate``."""

    ranked: RankedTrial
    parameters: dict[str, Any]

    def judged(self, statistic: Statistic) -> JudgedTrial:
        """The input of :func:`platform.tuning.search.importance.importances`."""
        is_whole = self.ranked.trial.outcome == "finished"
        return JudgedTrial(self.parameters, self.ranked.value(statistic), is_whole)


def branches(loaded: LoadedSpace[SweepConfig], ranking: Sequence[RankedTrial]) -> list[Branch]:
    """The ranked trials in their order, without those that the present space cannot draw."""
    found = []
    for one in ranking:
        try:
            config = TrialConfig.model_validate_json(json.dumps(one.trial.config))
            parameters, _ = translate(loaded, Sample(dict(one.trial.searched), config))
        except (ValidationError, OutsideSpace):  # another version of the code, or of the space, drew it
            continue
        found.append(Branch(one, parameters))
    return found
