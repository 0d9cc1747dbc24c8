"""Trials that a study knows: which were begun, which have ended and how, which no longer fit the space."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import optuna
from optuna.trial import FrozenTrial, TrialState

from platform.tuning.names import trial_name
from platform.tuning.search.epoch_values import last_epoch
from platform.tuning.trial.outcome import Outcome

BEGUN: Final = "begun"
"""Attribute of a trial that was handed to Tune; a trial without it is a sample that was drawn again."""

LEFT_OUT: Final = "left_out"
"""Attribute of a trial that does not fit the changed space: the reason, and what is needed to restore it."""

REUSED: Final = "reused"
"""Key of a suggestion, and attribute of a trial: the earlier trial whose result it takes, as SWEEP/0003."""

OUTCOMES: Mapping[TrialState, Outcome] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class PastTrial:
    """A trial that has ended.

    Attributes:
        parameters: the sampled values, by dotted path.
        values: the (first) goal's metric after each epoch, from 1.
        config: the trial's settings, as JSON.
        others: the other goals' values, by metric and epoch.
        reused: the earlier trial whose result this one takes.
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


@dataclass(frozen=True)
class LeftOut:
    """A trial that does not fit the changed space; ``epochs``: how many were trained for it."""

    number: int
    why: str
    epochs: int
    has_ended: bool

    @property
    def name(self) -> str:
        return trial_name(self.number)


def begun(study: optuna.Study, *, ended: bool) -> list[FrozenTrial]:
    """The trials that were handed to Tune: those that have ended, or those that have not."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if BEGUN in trial.user_attrs and trial.state.is_finished() == ended]


def trained_epochs(trial: FrozenTrial) -> int:
    """How many epochs were trained for the trial: none where it takes an earlier trial's result."""
    return 0 if REUSED in trial.user_attrs else last_epoch(trial)


def left_out(study: optuna.Study) -> list[LeftOut]:
    """The trials that do not fit the space since it was changed."""
    return [
        LeftOut(
            trial.number,
            trial.user_attrs[LEFT_OUT]["why"],
            trained_epochs(trial),
            trial.user_attrs[LEFT_OUT]["state"] != TrialState.RUNNING.name,
        )
        for trial in study.get_trials(deepcopy=False)
        if LEFT_OUT in trial.user_attrs
    ]
