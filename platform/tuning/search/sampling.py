"""Draws samples of a conditional space from a study until one fulfils the constraints."""

import logging
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from platform.config.errors import ConfigError, UserError
from platform.config.load import LoadedSpace
from platform.config.ranges import NumberRange, Range
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.search.memory_limit import CONSTRAINT, MemoryLimit
from platform.tuning.search.past_trials import begun
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.settings.sampler_config import GridSampler
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.constraint_check import none_feasible, settings_of
from platform.tuning.space.start_points import Start

logger = logging.getLogger(__name__)
MAX_INVALID = 100
MAX_INFEASIBLE = 500
START, START_WITH = "start", "start_with"
"""Attributes of a start point's trial: where the point comes from, and the parameters that it gives."""


@dataclass(frozen=True)
class Sample:
    """``parameters``: the sampled values by dotted path; ``config``: the settings that result."""

    parameters: dict[str, Any]
    config: TrialConfig


class Sampling:
    """Draws samples of ``loaded`` with the sampler of ``study``."""

    def __init__(self, loaded: LoadedSpace[SweepConfig], study: optuna.Study) -> None:
        search = loaded.first().search
        self.memory = MemoryLimit(study)
        self._loaded = loaded
        self._study = study
        self._is_grid = isinstance(search.sampler, GridSampler)
        self._constraints = [parse_constraint(text) for text in search.constraints]
        in_tune = {trial.number for trial in begun(study, ended=False)}
        running = study.get_trials(deepcopy=False, states=[TrialState.RUNNING])
        self._half_drawn = deque(one._trial_id for one in running if one.number not in in_tune)
        self._has_warned = False
        self._has_drawn = bool(in_tune or begun(study, ended=True))

    def start_with(self, starts: Iterable[Start]) -> None:
        """Draw these first."""
        enqueue(self._study, starts)

    def draw(self) -> tuple[Trial, Sample] | None:
        """A sample that fulfils the constraints; None once a grid is exhausted or 500 in a row break them.

        A sample that breaks a constraint becomes a PRUNED trial with its violations, from which TPE learns. A
        sample that builds no valid trial, as may happen between valid corners, becomes a FAIL trial. Raises
        UserError if the first 500 samples break constraints, ConfigError if 100 build no valid trial.
        """
        invalid, infeasible, unfulfilled = 0, 0, Counter[str]()
        while self._half_drawn or not self._is_exhausted():
            trial = self._next()
            try:
                sample = sample_of(self._loaded, trial)
            except ConfigError as error:
                self._draw_again(trial, TrialState.FAIL)
                logger.warning("a sample was drawn again: %s", error)
                invalid += 1
                if invalid == MAX_INVALID:
                    raise
                continue
            broken = self._broken_constraints(
                trial, settings_of(sample.config.model_dump(mode="json"), sample.parameters)
            )
            if not broken:
                self._has_drawn = True
                return trial, sample
            if CONSTRAINT in broken:  # a start point too: it would never fit
                self._study.tell(trial, state=TrialState.PRUNED)
            else:
                self._draw_again(trial, TrialState.PRUNED)
            infeasible += 1
            unfulfilled.update(broken)
            if infeasible == MAX_INFEASIBLE:
                why = self._why_none(infeasible, unfulfilled)
                if not self._has_drawn:
                    raise UserError(why)
                logger.warning("the search ends early: %s", why)
                return None
        return None

    def _next(self) -> Trial:
        """A new trial of the study; first those that a killed process was sampling, so no number is lost."""
        if self._half_drawn:
            return Trial(self._study, self._half_drawn.popleft())
        return self._study.ask()

    def _draw_again(self, trial: Trial, state: TrialState) -> None:
        """End the trial. A start point is enqueued again: only what the sampler added to it is discarded."""
        self._study.tell(trial, state=state)
        if START in (attributes := trial.user_attrs):
            self._study.enqueue_trial(attributes[START_WITH], attributes)

    def _broken_constraints(self, trial: Trial, settings: Mapping[str, Any]) -> list[str]:
        violations = {one.text: one.violation(settings) for one in self._constraints}
        if excess := self.memory.violation(trial.params):
            violations[CONSTRAINT] = excess
            if not self._has_warned:
                self._has_warned = True
                logger.warning(
                    "samples that ask for no less memory than %s ran out of are drawn again",
                    self.memory.trials,
                )
        for text, violation in violations.items():
            trial.set_constraint(text, violation)
        return [text for text, violation in violations.items() if violation > 0]

    def _why_none(self, samples: int, unfulfilled: Counter[str]) -> str:
        if unfulfilled.most_common(1)[0][0] == CONSTRAINT:
            too_large = f"{self.memory.trials}, which ran out of it"
            return f"all of {samples} samples in a row need at least as much memory as {too_large}"
        return f"search.constraints: {none_feasible(samples, unfulfilled)}"

    def _is_exhausted(self) -> bool:
        if not self._is_grid:
            return False
        drawn = {repr(trial.params) for trial in self._study.get_trials(deepcopy=False) if trial.params}
        return len(drawn) >= self._loaded.space.points()


def sample_of(loaded: LoadedSpace[SweepConfig], trial: Trial | FrozenTrial) -> Sample:
    """The sample of ``trial``, drawn now if it is new; raises ConfigError if it builds no valid trial."""
    resolved = loaded.space.resolve(lambda name, range_: suggest(trial, name, range_))
    return Sample(resolved.parameters, loaded.validate(resolved).trial())


def enqueue(study: optuna.Study, starts: Iterable[Start]) -> None:
    """Let the study draw these points next, except for those that it knows."""
    for start in starts:
        attributes = {START: start.origin, START_WITH: start.parameters}
        study.enqueue_trial(start.parameters, attributes, skip_if_exists=True)


def suggest(trial: Trial | FrozenTrial, name: str, range_: Range) -> Any:
    """Ask Optuna for one value: a number in the closed range, or one of a choice's labels."""
    if isinstance(range_, NumberRange):
        if range_.is_int:
            return trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.is_log)
        return trial.suggest_float(name, range_.low, range_.high, log=range_.is_log)
    return trial.suggest_categorical(name, range_.labels)
