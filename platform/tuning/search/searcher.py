"""Optuna behind Tune: suggests the trials of a space, and tells early stops as what they are."""

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher

from platform.config.load import LoadedSpace
from platform.tuning.goals import gains, reached
from platform.tuning.search.memory_limit import MemoryLimit
from platform.tuning.trial.outcome import Outcome, outcome_of
from platform.tuning.pareto import by_preference
from platform.tuning.search.past_trials import BEGUN, OUTCOMES, REUSED, PastTrial, begun, left_out
from platform.tuning.search.reuse import Reuse
from platform.tuning.samplers.seeded import SeededByNumber
from platform.tuning.search.sampling import Sample, Sampling
from platform.tuning.space.start_points import Start
from platform.tuning.search.study import known_study, new_study
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.told_epochs import ToldEpochs


class SpaceSearch(Searcher):
    """Suggests trials of a :class:`LoadedSpace` and tells the study what became of them.

    The study's storage is the one place where the search keeps what it knows: of a sweep that is resumed it
    is taken up where it is, and the trials that had not ended are suggested first, under their own numbers.
    At a trial's end the study is told the truth, where Ray's own OptunaSearch says COMPLETE with the last
    value: PRUNED of one that the scheduler stopped, FAIL of one that failed, COMPLETE with
    ``search.statistic`` of its epochs, a value for each goal, of one that ran to its end.

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
        self._told = ToldEpochs(self._storage, search.goals)
        self._sampling = Sampling(loaded, self.study)
        self._sampling.start_with(starts)
        self._unclaimed = deque(trial.number for trial in begun(self.study, ended=False))
        self._past: dict[int, PastTrial] = {}
        self._numbers: dict[str, int] = {}
        self._histories: dict[str, dict[str, dict[int, float]]] = {}
        self.reuse: Reuse | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune writes its searcher down, and nobody reads that: all is in the study."""
        return {}

    @property
    def memory(self) -> MemoryLimit:
        """What its trials have shown of how much memory there is."""
        return self._sampling.memory

    def past(self) -> list[PastTrial]:
        """The trials that have ended."""
        ended = begun(self.study, ended=True)
        for trial in ended:
            if trial.number not in self._past:  # what has ended does not change any more
                self._past[trial.number] = self._past_trial(trial)
        return [self._past[trial.number] for trial in ended]

    def _past_trial(self, trial: FrozenTrial) -> PastTrial:
        sample, history = self._sampling.of(trial), self._told.of(trial)
        return PastTrial(
            number=trial.number,
            parameters=sample.parameters,
            epochs=sample.config.total_epochs,
            outcome=OUTCOMES[trial.state],
            values=history.pop(self.metric),
            config=sample.config.model_dump(mode="json"),
            others=history,
            reused=trial.user_attrs.get(REUSED),
        )

    def outcomes(self) -> list[Outcome]:
        """Of the trials that have ended, without what :meth:`past` makes of each."""
        return [OUTCOMES[trial.state] for trial in begun(self.study, ended=True)]

    def finalists(self, top: int) -> list[PastTrial]:
        """The best of the trials that ran all their epochs: of several goals their front, spread out."""
        done = self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        found = [gains(trial.values, self._search.goals) for trial in done]
        past = {one.number: one for one in self.past()}
        return [past[done[place].number] for place in by_preference(found)[:top]]

    def begun_with_a_result(self) -> int:
        """How many trials have done an epoch and not ended: a budget or an interrupt has stopped them."""
        return sum(bool(self._values_of(trial)) for trial in begun(self.study, ended=False))

    def epochs(self) -> dict[int, int]:
        """How many epochs the study knows of each trial that was begun and not reused, by its number."""
        trials = [*begun(self.study, ended=True), *begun(self.study, ended=False)]
        of_trials = {
            trial.number: max(self._values_of(trial), default=0)
            for trial in trials
            if REUSED not in trial.user_attrs
        }
        return of_trials | {one.number: one.epochs for one in left_out(self.study)}

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # type: ignore[override]  # FINISHED is a str
        """The next trial: one that had not ended, else a new sample; FINISHED where there is no other."""
        if self._unclaimed:
            number = self._unclaimed.popleft()
            known = self.study.get_trials(deepcopy=False)[number]
            sample = self._sampling.of(known)
            asks = REUSED in known.user_attrs  # any other has epochs of its own
        elif drawn := self._sampling.draw():
            (trial, sample), asks = drawn, True
            trial.set_user_attr(BEGUN, True)
            number = trial.number
        else:
            return Searcher.FINISHED
        self._numbers[trial_id] = number
        suggestion = _suggestion(number, sample)
        if self.reuse and asks:
            suggestion = self.reuse.answered(suggestion)
            if REUSED in suggestion:
                self._storage.set_trial_user_attr(self._storage_id(trial_id), REUSED, suggestion[REUSED])
        return suggestion

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self.metric not in result:
            return
        epoch, history = result["epoch"], self._history_of(trial_id)
        if epoch in history[self.metric]:  # a trial that went on from an earlier epoch than it had told of
            return
        values = {goal.metric: float(result.get(goal.metric, math.nan)) for goal in self._search.goals}
        self._told.tell(self._storage_id(trial_id), epoch, values)
        for name, value in values.items():
            history[name][epoch] = value

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tune hands a trial's last result to this method alone, so it is reported to the study here."""
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
        told = values if state is TrialState.COMPLETE else None
        self.study.tell(self._numbers[trial_id], told, state=state, skip_if_finished=True)
        self._histories.pop(trial_id, None)
        if self.reuse and state is TrialState.COMPLETE:
            self.reuse.ended(self._numbers[trial_id])

    def save(self, checkpoint_path: str) -> None:
        """Nothing: all is in the study."""

    def forget(self) -> None:
        """Delete the study of a sweep that could not be begun."""
        optuna.delete_study(study_name=self.study.study_name, storage=self._storage)

    def _storage_id(self, trial_id: str) -> int:
        number = self._numbers[trial_id]
        return self._storage.get_trial_id_from_study_id_trial_number(self.study._study_id, number)

    def _values_of(self, trial: FrozenTrial) -> dict[int, float]:
        """The first goal's, by epoch."""
        return self._told.of(trial)[self.metric]

    def _history_of(self, trial_id: str) -> dict[str, dict[int, float]]:
        """What the study was told of the trial's epochs; read from it once, as it may be a resumed one."""
        if trial_id not in self._histories:
            known = self._storage.get_trial(self._storage_id(trial_id))
            self._histories[trial_id] = self._told.of(known)
        return self._histories[trial_id]


def _longest(loaded: LoadedSpace[SweepConfig]) -> int:
    """Epochs of the space's longest trial."""
    return max(corner.trial().total_epochs for corner in loaded.corners())


def _suggestion(number: int, sample: Sample) -> dict[str, Any]:
    config = sample.config.model_dump(mode="json")
    return {"number": number, "parameters": sample.parameters, "trial": config}
