"""search.confirm: runs the finalists of a search again with other seeds, to see how much was luck.

These repeats are stored in runs/NAME/confirmations.json and not in the study, from which the sampler learns.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ray.tune.search import Searcher

from platform.storage.whole_files import read_record, write_whole
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.names import repeat_number
from platform.tuning.search.past_trials import REUSED, PastTrial
from platform.tuning.search.reuse import Reuse
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial.outcome import Outcome, outcome_of
from platform.tuning.trial_seed import seed_of

SEED = "seed"


@dataclass
class Repeat:
    """One finalist with one other seed.

    Attributes:
        outcome: None until it has ended.
        values: the first goal's metric, by epoch.
        reused: the earlier trial whose result this one takes.
    """

    number: int
    epochs: int
    parameters: dict[str, Any]
    config: dict[str, Any]
    outcome: Outcome | None = None
    values: dict[int, float] = field(default_factory=dict)
    reused: str | None = None


class ConfirmSearch(Searcher):
    """Suggests each of ``finalists`` with ``seeds`` other seeds, unless that repeat has ended.

    The nth repeats of all finalists share a seed if the finalists did, so that they can be compared in pairs.
    If the search went on and a trial is no longer a finalist, its repeats are kept but not continued.
    """

    def __init__(
        self, search: SearchConfig, folder: SweepFolder, finalists: Sequence[PastTrial], seeds: int
    ) -> None:
        super().__init__(metric=search.first.metric, mode=search.first.direction)
        self._folder = folder
        self._repeats = {one.number: one for one in read_repeats(folder)}
        wanted = [_repeat(one, nth) for nth in range(1, seeds + 1) for one in finalists]
        for one in wanted:
            self._repeats.setdefault(one.number, one)
        self._wanted = [one.number for one in wanted]
        self._unclaimed = [number for number in self._wanted if self._repeats[number].outcome is None]
        self._numbers: dict[str, int] = {}
        self.reuse: Reuse | None = None
        self._save()

    @property
    def planned(self) -> int:
        return len(self._wanted)

    def past(self) -> list[PastTrial]:
        """The repeats that have ended."""
        return ended_repeats([self._repeats[number] for number in self._wanted])

    def outcomes(self) -> list[Outcome]:
        """How the repeats ended."""
        return [one.outcome for one in self.past()]

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # type: ignore[override]  # FINISHED is a str
        if not self._unclaimed:
            return Searcher.FINISHED
        one = self._repeats[self._unclaimed.pop(0)]
        self._numbers[trial_id] = one.number
        suggestion: dict[str, Any] = {"number": one.number, "parameters": one.parameters, "trial": one.config}
        if self.reuse and (one.reused or not one.values):
            suggestion = self.reuse.answered(suggestion)
            one.reused = suggestion.get(REUSED)
            self._save()
        return suggestion

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self.metric in result:
            one = self._repeats[self._numbers[trial_id]]
            one.values.setdefault(result["epoch"], float(result[self.metric]))
            self._save()

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        if trial_id not in self._numbers:
            return
        if result:
            self.on_trial_result(trial_id, result)
        self._repeats[self._numbers[trial_id]].outcome = "failed" if error else outcome_of(result or {})
        self._save()

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the file holds all state."""

    def _save(self) -> None:
        repeats = [asdict(one) for one in self._repeats.values()]
        write_whole(self._folder.confirmations, json.dumps(repeats, indent=1))


def read_repeats(folder: SweepFolder) -> list[Repeat]:
    """All repeats, those of earlier processes too; none before the search has ended."""
    return read_record(folder.confirmations, list[Repeat]) or []


def ended_repeats(repeats: Sequence[Repeat]) -> list[PastTrial]:
    return [
        PastTrial(
            one.number, one.parameters, one.epochs, one.outcome, one.values, one.config, reused=one.reused
        )
        for one in repeats
        if one.outcome is not None
    ]


def _repeat(finalist: PastTrial, nth: int) -> Repeat:
    seed = seed_of(finalist.config[SEED], nth)
    parameters = finalist.parameters | ({SEED: seed} if SEED in finalist.parameters else {})
    number = repeat_number(finalist.number, nth)
    return Repeat(number, finalist.epochs, parameters, {**finalist.config, SEED: seed})
