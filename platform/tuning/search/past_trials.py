"""Trials of a sweep that have ended, as its study knows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import optuna
from optuna.trial import FrozenTrial, TrialState

from platform.tuning.names import trial_name
from platform.tuning.trial.outcome import Outcome

BEGUN: Final = "begun"
"""Attribute of a trial of the study that was handed to Tune; one without it is a sample drawn again."""

LEFT_OUT: Final = "left_out"
"""Attribute of one that does not fit the space any more since it was changed: why, and what it was."""

REUSED: Final = "reused"
"""Key of a suggestion, and attribute of a trial of the study: the trial that answers it, as SWEEP/0003."""

OUTCOMES: Mapping[TrialState, Outcome] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class PastTrial:
    """``values``: the (first) goal's metric after each epoch, from 1; ``parameters`` by dotted path.

    ``config``: the trial's settings as JSON has them; ``others``: the other goals' values, by metric and
    epoch; ``reused``: the trial that answered this one.
    """

    number: int
    parameters: dict[str, Any]
    epochs: int
    outcome: Outcome
    values: dict[int, float]
    config: dict[str, Any] = field(default_factory=dict)
    others: dict[str, dict[int, float]] = field(default_factory=dict)
    reused: str | None = None

    @property
    def name(self) -> str:
        return trial_name(self.number)


def begun(study: optuna.Study, *, ended: bool) -> list[FrozenTrial]:
    """The study's trials that were handed to Tune: those that have ended, or those that have not."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if BEGUN in trial.user_attrs and trial.state.is_finished() == ended]


@dataclass(frozen=True)
class LeftOut:
    """A trial that does not fit the space any more, ``epochs`` that it cost, whether it had ended before."""

    number: int
    why: str
    epochs: int
    has_ended: bool

    @property
    def name(self) -> str:
        return trial_name(self.number)


def left_out(study: optuna.Study) -> list[LeftOut]:
    """The study's trials that are left out since the space was changed."""
    return [
        LeftOut(
            trial.number,
            trial.user_attrs[LEFT_OUT]["why"],
            0 if REUSED in trial.user_attrs else max(trial.intermediate_values, default=0),
            trial.user_attrs[LEFT_OUT]["state"] != TrialState.RUNNING.name,
        )
        for trial in study.get_trials(deepcopy=False)
        if LEFT_OUT in trial.user_attrs
    ]
