"""Optuna behind Tune: samples the conditional space, and tells early stops as what they are."""

import json
import logging
import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from ray.tune.search import Searcher

from platform.config.errors import ConfigError, UserError
from platform.config.load import LoadedSpace
from platform.config.ranges import NumberRange, Range
from platform.training.trial_config import TrialConfig
from platform.tuning.constraint import parse_constraint
from platform.tuning.feasible import none_feasible, settings_of
from platform.tuning.outcome import outcome_of
from platform.tuning.past_trials import BEGUN, OUTCOMES, PastTrial, begun
from platform.tuning.sampler_config import GridSampler
from platform.tuning.samplers import SeededByNumber
from platform.tuning.start_points import Start
from platform.tuning.statistic import value_of
from platform.tuning.study import known_study, new_study
from platform.tuning.sweep_config import SweepConfig
from platform.tuning.sweep_folder import SweepFolder

logger = logging.getLogger(__name__)
MAX_INVALID = 100
MAX_INFEASIBLE = 500
START, START_WITH = "start", "start_with"
"""Attributes of a trial that the study began with: where it comes from, and what parameters were given."""


class SpaceSearch(Searcher):
    """Suggests trials of a :class:`LoadedSpace` and tells the study what became of them.

    The study's storage is the one place where the search keeps what it knows: of a sweep that is resumed it
    is taken up where it is, and the trials that had not ended are suggested first, under their own numbers.
    At a trial's end the study is told the truth, where Ray's own OptunaSearch says COMPLETE with the last
    value: PRUNED of one that the scheduler stopped, FAIL of one that failed, COMPLETE with
    ``search.statistic`` of its epochs of one that ran to its end.

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
        super().__init__(metric=search.metric, mode=search.direction)
        self._loaded = loaded
        self._folder = folder
        self._search = search
        self._sampler = SeededByNumber(search.sampler, config.seed)
        self._constraints = [parse_constraint(text) for text in search.constraints]
        self._numbers: dict[str, int] = {}
        self._values: dict[str, dict[int, float]] = {}
        open_study = known_study if resumes else new_study
        self._study: optuna.Study | None = open_study(search, folder, self._sampler)
        self._unclaimed = deque(trial.number for trial in begun(self.study, ended=False))
        running = self.study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
        self._half_drawn = deque(one._trial_id for one in running if one.number not in self._unclaimed)
        for start in starts:
            attributes = {START: start.origin, START_WITH: start.parameters}
            self.study.enqueue_trial(start.parameters, attributes, skip_if_exists=True)

    def past(self) -> list[PastTrial]:
        """The trials that have ended."""
        found = []
        for trial in begun(self.study, ended=True):
            known = self._suggestion(trial)
            one = PastTrial(
                number=trial.number,
                parameters=known["parameters"],
                epochs=TrialConfig.model_validate_json(json.dumps(known["trial"])).total_epochs,
                outcome=OUTCOMES[trial.state],
                values=dict(trial.intermediate_values),
                config=known["trial"],
            )
            found.append(one)
        return found

    def finalists(self, top: int) -> list[PastTrial]:
        """The best of the trials that ran all their epochs, by ``search.statistic``."""
        sign = -1 if self._search.direction == "max" else 1
        done = self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        best = sorted(done, key=lambda trial: sign * float(trial.value or 0.0))[:top]
        past = {one.number: one for one in self.past()}
        return [past[trial.number] for trial in best]

    def begun_with_a_result(self) -> int:
        """How many trials have done an epoch and not ended: a budget or an interrupt has stopped them."""
        return sum(bool(trial.intermediate_values) for trial in begun(self.study, ended=False))

    def epochs(self) -> dict[int, int]:
        """How many epochs the study knows of each trial that was begun, by the trial's number."""
        trials = [*begun(self.study, ended=True), *begun(self.study, ended=False)]
        return {trial.number: max(trial.intermediate_values, default=0) for trial in trials}

    @property
    def study(self) -> optuna.Study:
        if self._study is None:
            self._study = known_study(self._search, self._folder, self._sampler)
        return self._study

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # type: ignore[override]  # FINISHED is a str
        """The next trial: one that had not ended, else a new sample; FINISHED where a grid has no other."""
        if self._unclaimed:
            return self._again(trial_id, self._unclaimed.popleft())
        sample = self._new_sample()
        if sample is None:
            return Searcher.FINISHED
        trial, suggestion = sample
        trial.set_user_attr(BEGUN, True)
        self._numbers[trial_id] = trial.number
        return suggestion

    def _new_sample(self) -> tuple[Trial, dict[str, Any]] | None:
        """A sample that fulfils the constraints; None where a grid has no other, or 500 in a row do not.

        One that does not is told as PRUNED, with how far it is from each constraint, which TPE learns from.
        One that builds no valid trial, as one between valid corners may, is told as FAIL. Raises UserError
        when the first 500 are of the first kind, ConfigError when 100 are of the second.
        """
        invalid, infeasible, unfulfilled = 0, 0, Counter[str]()
        while self._half_drawn or not self._is_exhausted():
            trial = self._next()
            try:
                suggestion = self._suggestion(trial)
            except ConfigError as error:
                self._draw_again(trial, TrialState.FAIL)
                logger.warning("a sample was drawn again: %s", error)
                invalid += 1
                if invalid == MAX_INVALID:
                    raise
                continue
            found = self._unfulfilled(trial, suggestion)
            if not found:
                return trial, suggestion
            self._draw_again(trial, TrialState.PRUNED)
            infeasible += 1
            unfulfilled.update(found)
            if infeasible == MAX_INFEASIBLE:
                why = f"search.constraints: {none_feasible(infeasible, unfulfilled)}"
                if not self._numbers:
                    raise UserError(why)
                logger.warning("the search ends early: %s", why)
                return None
        return None

    def _next(self) -> Trial:
        """A new trial of the study; first those that a killed process was sampling: no number is lost."""
        if self._half_drawn:
            return Trial(self.study, self._half_drawn.popleft())
        return self.study.ask()

    def _draw_again(self, trial: Trial, state: TrialState) -> None:
        """Of a point to start with only what the sampler has drawn is given up; it comes up again."""
        self.study.tell(trial, state=state)
        if START in (attributes := trial.user_attrs):
            self.study.enqueue_trial(attributes[START_WITH], attributes)

    def _unfulfilled(self, trial: Trial, suggestion: Mapping[str, Any]) -> list[str]:
        values = settings_of(suggestion["trial"], suggestion["parameters"])
        violations = {one.text: one.violation(values) for one in self._constraints}
        for text, violation in violations.items():
            trial.set_constraint(text, violation)
        return [text for text, violation in violations.items() if violation > 0]

    def _is_exhausted(self) -> bool:
        if not isinstance(self._search.sampler, GridSampler):
            return False
        drawn = {repr(trial.params) for trial in self.study.get_trials(deepcopy=False) if trial.params}
        return len(drawn) >= self._loaded.space.points()

    def _again(self, trial_id: str, number: int) -> dict[str, Any]:
        """The trial ``number`` as it was suggested before, now for the Tune trial ``trial_id``."""
        known = self.study.get_trials(deepcopy=False)[number]
        self._numbers[trial_id] = number
        return self._suggestion(known)

    def _suggestion(self, trial: Trial | FrozenTrial) -> dict[str, Any]:
        resolved = self._loaded.space.resolve(lambda name, range_: suggest(trial, name, range_))
        return {
            "number": trial.number,
            "parameters": resolved.parameters,
            "trial": self._loaded.validate(resolved).trial().model_dump(mode="json"),
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self.metric not in result:
            return
        epoch, value = result["epoch"], float(result[self.metric])
        values = self._values_of(trial_id)
        if epoch not in values:  # a trial that went on from an earlier epoch than it had told of
            self._storage.set_trial_intermediate_value(self._storage_id(trial_id), epoch, value)
            values[epoch] = value

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tune hands a trial's last result to this method alone, so it is reported to the study here."""
        if trial_id not in self._numbers:
            return
        if result:
            self.on_trial_result(trial_id, result)
        values, outcome = self._values_of(trial_id), outcome_of(result or {})
        in_order = [values[epoch] for epoch in sorted(values)]
        value = value_of(in_order, self._search.statistic, self._search.direction)
        if error or outcome == "failed" or not values:
            state = TrialState.FAIL
        elif outcome == "pruned":
            state = TrialState.PRUNED
        else:
            state = TrialState.COMPLETE if math.isfinite(value) else TrialState.FAIL
        told = value if state is TrialState.COMPLETE else None
        self.study.tell(self._numbers[trial_id], told, state=state, skip_if_finished=True)
        self._values.pop(trial_id, None)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: all is in the study."""

    def forget(self) -> None:
        """Delete the study of a sweep that could not be begun."""
        optuna.delete_study(study_name=self._folder.name, storage=self._storage)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_study": None}

    @property
    def _storage(self) -> BaseStorage:
        return self.study._storage

    def _storage_id(self, trial_id: str) -> int:
        study_id = self._storage.get_study_id_from_name(self._folder.name)
        return self._storage.get_trial_id_from_study_id_trial_number(study_id, self._numbers[trial_id])

    def _values_of(self, trial_id: str) -> dict[int, float]:
        """What the study was told of the trial's epochs; read from it once, as it may be a resumed one."""
        if trial_id not in self._values:
            known = self._storage.get_trial(self._storage_id(trial_id))
            self._values[trial_id] = dict(known.intermediate_values)
        return self._values[trial_id]


def suggest(trial: Trial | FrozenTrial, name: str, range_: Range) -> Any:
    """Ask Optuna for one value: a number of the closed range, or one of a choice's labels."""
    if isinstance(range_, NumberRange):
        if range_.is_int:
            return trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.is_log)
        return trial.suggest_float(name, range_.low, range_.high, log=range_.is_log)
    return trial.suggest_categorical(name, range_.labels)
