"""The new study of a sweep whose space has changed, as Optuna does not allow a study's ranges to change.

Every trial keeps its number, by which MLflow and folders know it, its state, values and dates. A trial that
the new space cannot draw is kept as failed and without parameters, so that no sampler uses it; its record
allows a later space that contains it to take it back.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from platform.config.errors import ConfigError, UserError
from platform.config.load import LoadedSpace, known_space
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.goals import reached
from platform.tuning.names import trial_name
from platform.tuning.resume.given_settings import known_space_of
from platform.tuning.resume.space_change import Change, changes_between, has_other_ranges
from platform.tuning.resume.study_replacement import replace_study
from platform.tuning.search.epoch_values import history_of
from platform.tuning.search.past_trials import BEGUN, LEFT_OUT
from platform.tuning.search.sampling import Sample, sample_of
from platform.tuning.search.study import SPACE, known_study
from platform.tuning.search.trial_translation import (
    OutsideSpace,
    can_draw,
    constraint_violations,
    distribution_of,
    translate,
)
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.space.start_points import Start

REBUILDS = ("search.constraints", "search.statistic", "search.start_with")
"""Settings that change the study's trials or their values."""

OF_THE_SPACE = ("constraints", "cma:", "cmawm:", "sepcma:")
"""Prefixes of Optuna's attributes that depend on the old ranges and constraints."""

FIXED = "fixed_params"
"""Optuna's attribute of an enqueued trial, with its parameters."""

SHOWN = 5


@dataclass(frozen=True)
class StudyChange:
    """A sweep's study for the space ``loaded``; only ``commit`` writes anything.

    ``trials``: the new study's trials, or None if the old study can stay. ``left``: the reason for each trial
    that is left out.
    """

    loaded: LoadedSpace[SweepConfig]
    folder: SweepFolder
    study: optuna.Study
    changes: list[Change]
    trials: list[FrozenTrial] | None = None
    kept: int = 0
    left: dict[str, str] = field(default_factory=dict)
    starts: list[Start] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)

    def commit(self) -> None:
        """Write the change. If the process is killed meanwhile, the study is the old one or the new one."""
        tree = self.loaded.document.tree
        if self.trials is None:
            if self.study.user_attrs.get(SPACE) != tree:
                self.study.set_user_attr(SPACE, tree)
            return
        replace_study(self.folder, self.study, self.trials, self.starts, tree)

    def words(self) -> list[str]:
        """The changes, one line each, then how many trials are kept and left out."""
        lines = [*map(str, self.changes), *self.misfits]
        if self.trials is not None:
            lines.append(_counted(self.kept, self.left))
        return lines


def study_change(loaded: LoadedSpace[SweepConfig], folder: SweepFolder) -> StudyChange:
    """The change from the study's space to ``loaded``.

    Raises ConfigError for a setting that cannot change, and UserError if no trial fits the new space.
    """
    study = known_study(loaded.first().search, folder, optuna.samplers.RandomSampler())
    old = _space_of(study, folder)
    changes = changes_between(old, loaded, folder.name)
    if not has_other_ranges(old, loaded) and not any(one.name.startswith(REBUILDS) for one in changes):
        return StudyChange(loaded, folder, study, changes)
    has_other_starts = any(one.name == "search.start_with" for one in changes)
    starts, misfits = starts_of(loaded, folder.path.parent) if has_other_starts else ([], [])
    move = _Move(old, loaded, keeps_starts=not has_other_starts)
    trials = [move.moved(trial) for trial in study.get_trials(deepcopy=False)]
    if move.left and not move.kept:
        raise UserError(
            f"{loaded.document.source}: no trial of {folder.path} fits the changed space: "
            f"{_listed(move.left)}; start a new sweep"
        )
    return StudyChange(loaded, folder, study, changes, trials, len(move.kept), move.left, starts, misfits)


def _space_of(study: optuna.Study, folder: SweepFolder) -> LoadedSpace[SweepConfig]:
    """The space that the study was made for; the study records it, so that both always change together."""
    if SPACE in study.user_attrs:
        return known_space(study.user_attrs[SPACE], str(folder.space), SweepConfig)
    return known_space_of(folder)


class _Move:
    """Turns trials of the space ``old`` into trials of ``new``."""

    def __init__(
        self, old: LoadedSpace[SweepConfig], new: LoadedSpace[SweepConfig], *, keeps_starts: bool
    ) -> None:
        self.old, self.new = old, new
        self.keeps_starts = keeps_starts
        self.kept: list[str] = []
        self.left: dict[str, str] = {}
        self._search = new.first().search
        self._distributions: dict[str, BaseDistribution] = {
            one.name: distribution_of(one.range) for one in new.space.parameters()
        }
        self._holds: dict[str, Callable[[Any], bool]] = {
            one.name: (lambda value, range_=one.range: can_draw(range_, value))  # type: ignore[misc]
            for one in new.space.parameters()
        }

    def moved(self, trial: FrozenTrial) -> FrozenTrial:
        if LEFT_OUT in trial.user_attrs or BEGUN in trial.user_attrs:
            return self._begun(trial)
        if trial.state in (TrialState.WAITING, TrialState.RUNNING):
            return self._to_be_drawn(trial)
        return self._drawn_again(trial)

    def _begun(self, trial: FrozenTrial) -> FrozenTrial:
        """A trial that Tune was given."""
        attributes = dict(trial.user_attrs)
        if record := attributes.pop(LEFT_OUT, None):
            config = TrialConfig.model_validate_json(json.dumps(record["config"]))
            sample = Sample(record["parameters"], config)
            state, values = TrialState[record["state"]], record["values"]
        else:
            sample, state, values = sample_of(self.old, trial), trial.state, trial.values
        name = trial_name(trial.number)
        try:
            parameters, sample = translate(self.new, sample)
            violations = constraint_violations(self.new, sample)
            if broken := [text for text, violation in violations.items() if violation > 0]:
                raise OutsideSpace(f"it does not fulfil {broken[0]}")
        except OutsideSpace as misfit:
            self.left[name] = str(misfit)
            record = {
                "why": str(misfit),
                "state": state.name,
                "values": values,
                "parameters": sample.parameters,
                "config": sample.config.model_dump(mode="json"),
            }
            attributes.pop(BEGUN, None)
            return self._without_parameters(trial, attributes | {LEFT_OUT: record})
        self.kept.append(name)
        system = _lasting(trial) | {f"constraints:{text}": value for text, value in violations.items()}
        state, values = self._valued(trial, state, values)
        return _as(trial, state, values, self._with(parameters), attributes | {BEGUN: True}, system)

    def _valued(
        self, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> tuple[TrialState, Sequence[float] | None]:
        """The trial's state and values, which depend on search.statistic."""
        if state is not TrialState.COMPLETE or values is None:
            return state, values
        goals = self._search.goals
        found = reached(history_of(trial, goals), goals, self._search.statistic)
        return (state, found) if all(map(math.isfinite, found)) else (TrialState.FAIL, None)

    def _to_be_drawn(self, trial: FrozenTrial) -> FrozenTrial:
        """A start point, or a trial that a killed process was drawing: it is drawn in the new space."""
        fixed = trial.system_attrs.get(FIXED, {})
        fits = all(name in self._holds and self._holds[name](value) for name, value in fixed.items())
        if fixed and not (fits and self.keeps_starts):
            return self._without_parameters(trial, {})
        system = {FIXED: fixed} if fixed else {}
        return _as(trial, trial.state, None, self._with({}), dict(trial.user_attrs), system)

    def _drawn_again(self, trial: FrozenTrial) -> FrozenTrial:
        """A sample that was not trained; kept only if it violates a constraint of the new space."""
        try:
            if trial.state is TrialState.PRUNED:
                parameters, sample = translate(self.new, sample_of(self.old, trial))
                violations = constraint_violations(self.new, sample)
                if any(violation > 0 for violation in violations.values()):
                    system = {f"constraints:{text}": value for text, value in violations.items()}
                    attributes = dict(trial.user_attrs)
                    return _as(trial, trial.state, None, self._with(parameters), attributes, system)
        except (OutsideSpace, ConfigError):
            pass
        return self._without_parameters(trial, {})

    def _without_parameters(self, trial: FrozenTrial, attributes: dict[str, Any]) -> FrozenTrial:
        return _as(trial, TrialState.FAIL, None, self._with({}), attributes, {})

    def _with(self, parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        return parameters, {name: self._distributions[name] for name in parameters}


def _as(
    trial: FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None,
    drawn: tuple[dict[str, Any], dict[str, BaseDistribution]],
    attributes: dict[str, Any],
    system: dict[str, Any],
) -> FrozenTrial:
    """The trial with this content, and with its own number, dates and epochs."""
    ended = (trial.datetime_complete or datetime.now()) if state.is_finished() else None
    return FrozenTrial(
        number=trial.number,
        trial_id=trial._trial_id,
        state=state,
        value=None,
        values=values,
        datetime_start=trial.datetime_start or ended,
        datetime_complete=ended,
        params=drawn[0],
        distributions=drawn[1],
        user_attrs=attributes,
        system_attrs=system,
        intermediate_values=dict(trial.intermediate_values),
    )


def _lasting(trial: FrozenTrial) -> dict[str, Any]:
    return {key: value for key, value in trial.system_attrs.items() if not key.startswith(OF_THE_SPACE)}


def _counted(kept: int, left: dict[str, str]) -> str:
    words = f"{kept} trial{'s' * (kept != 1)} kept"
    if not left:
        return words
    do = "does" if len(left) == 1 else "do"
    return f"{words}, {len(left)} {do} not fit any more: {_listed(left)}"


def _listed(left: dict[str, str]) -> str:
    each = [f"{name} ({why})" for name, why in left.items()]
    more = [f"and {len(each) - SHOWN} more"] if len(each) > SHOWN else []
    return ", ".join([*each[:SHOWN], *more])
