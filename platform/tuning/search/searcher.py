"""Ray Tune's searcher over an Optuna study: suggests the trials of a space and reports how they ended."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from platform.config.load import LoadedSpace
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.goals import reached
from platform.tuning.samplers.seeded import SeededByNumber
from platform.tuning.search.epoch_values import history_of, record_epoch
from platform.tuning.search.memory_limit import MemoryLimit
from platform.tuning.search.past_trials import BEGUN, REUSED, begun
from platform.tuning.search.reuse import Reuse
from platform.tuning.search.sampling import Sample, Sampling, sample_of
from platform.tuning.search.study import known_study, new_study
from platform.tuning.search.study_records import StudyRecords
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.start_points import Start
from platform.tuning.trial.outcome import outcome_of


class SpaceSearch(Searcher):
    """Suggests trials of a :class:`LoadedSpace` and tells the study how each of them ended.

    The study's storage is the only place where the search keeps its state. With ``resumes`` it continues from
    there: trials that had not ended are suggested first, under their own numbers. ``records`` reads what the
    study knows of the trials.

    At a trial's end the study is told PRUNED if the scheduler stopped it, FAIL if it failed, COMPLETE with
    ``search.statistic`` of its epochs, a value for each goal, if it ran to its end. (Ray's own OptunaSearch
    always says COMPLETE with the last value.)

    A suggestion is ``{"number", "parameters", "trial"}``: Optuna's number, the sampled values by
    dotted path, and the validated trial's settings as JSON.
    """

    def __init__(
        self,
        loaded: LoadedSpace[SweepConfig],
        folder: SweepFolder,
        starts: Sequence[Start] = (),
        *,
        resumes: bool = False,
    ) -> None:
        config = loaded.first()
        search = config.search
        super().__init__(metric=search.first.metric, mode=search.first.direction)
        self._search = search
        sampler = SeededByNumber(search, config.seed, loaded.space, _longest(loaded))
        self.study: optuna.Study = (
            known_study(search, folder, sampler)
            if resumes
            else new_study(search, folder, sampler, loaded.document.tree)
        )
        self._storage = self.study._storage
        self.records = StudyRecords(self.study, loaded)
        self._loaded = loaded
        self._sampling = Sampling(loaded, self.study)
        self._sampling.start_with(starts)
        self._unclaimed = deque(trial.number for trial in begun(self.study, ended=False))
        self._numbers: dict[str, int] = {}
        self._histories: dict[str, dict[str, dict[int, float]]] = {}
        self.reuse: Reuse | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune saves its searcher, but a resumed sweep reads the study instead."""
        return {}

    @property
    def memory(self) -> MemoryLimit:
        """Where in the space its trials have run out of memory."""
        return self._sampling.memory

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # type: ignore[override]  # FINISHED is a str
        """The next trial: one that had not ended, else a new sample; FINISHED if there is none."""
        if self._unclaimed:
            number = self._unclaimed.popleft()
            known = self.study.get_trials(deepcopy=False)[number]
            sample = sample_of(self._loaded, known)
            may_reuse = REUSED in known.user_attrs  # any other goes on from its own epochs
        elif drawn := self._sampling.draw():
            (trial, sample), may_reuse = drawn, True
            trial.set_user_attr(BEGUN, True)
            number = trial.number
        else:
            return Searcher.FINISHED
        self._numbers[trial_id] = number
        suggestion = _suggestion(number, sample)
        if self.reuse and may_reuse:
            suggestion = self.reuse.answered(suggestion)
            if REUSED in suggestion:
                self._storage.set_trial_user_attr(self._storage_id(trial_id), REUSED, suggestion[REUSED])
        return suggestion

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self.metric not in result:
            return
        epoch, history = result["epoch"], self._history_of(trial_id)
        if epoch in history[self.metric]:  # a resumed trial repeats epochs that it had reported
            return
        values = {goal.metric: float(result.get(goal.metric, math.nan)) for goal in self._search.goals}
        record_epoch(self._storage, self._storage_id(trial_id), epoch, values)
        for name, value in values.items():
            history[name][epoch] = value

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tune passes a trial's last result to this method only, so it is recorded here."""
        if trial_id not in self._numbers:
            return
        if result:
            self.on_trial_result(trial_id, result)
        history, outcome = self._history_of(trial_id), outcome_of(result or {})
        values = reached(history, self._search.goals, self._search.statistic)
        if error or outcome == "failed" or not history[self.metric]:
            state = TrialState.FAIL
        elif outcome == "pruned":
            state = TrialState.PRUNED
        else:
            state = TrialState.COMPLETE if all(map(math.isfinite, values)) else TrialState.FAIL
        final = values if state is TrialState.COMPLETE else None
        self.study.tell(self._numbers[trial_id], final, state=state, skip_if_finished=True)
        self._histories.pop(trial_id, None)
        if self.reuse and state is TrialState.COMPLETE:
            self.reuse.ended(self._numbers[trial_id])

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study holds all state."""

    def forget(self) -> None:
        """Delete the study, as its sweep could not be started."""
        optuna.delete_study(study_name=self.study.study_name, storage=self._storage)

    def _storage_id(self, trial_id: str) -> int:
        number = self._numbers[trial_id]
        return self._storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)

    def _history_of(self, trial_id: str) -> dict[str, dict[int, float]]:
        """The trial's values by metric and epoch; read from the study once, as the trial may be resumed."""
        if trial_id not in self._histories:
            known = self._storage.get_trial(self._storage_id(trial_id))
            self._histories[trial_id] = history_of(known, self._search.goals)
        return self._histories[trial_id]


def _longest(loaded: LoadedSpace[SweepConfig]) -> int:
    """Epochs of the space's longest trial."""
    return max(corner.trial().total_epochs for corner in loaded.corners())


def _suggestion(number: int, sample: Sample) -> dict[str, Any]:
    config = sample.config.model_dump(mode="json")
    return {"number": number, "parameters": sample.parameters, "trial": config}
