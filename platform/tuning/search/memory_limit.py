"""Which samples need more memory than there is, learnt from the trials that ran out of it."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import optuna
from ray import tune
from ray.tune.experiment import Trial

from platform.tuning.names import trial_name
from platform.tuning.search.epoch_values import last_epoch
from platform.tuning.trial.failure import cause_line
from platform.tuning.trial.outcome import FAILURE, is_out_of_memory

ATTRIBUTE = "out_of_memory"
"""Attribute of the study: the numbers of the trials that ran out of memory."""
CONSTRAINT = "memory"
LEAST_TRIALS = 2
"""Trials that must have run out of memory: a single one may have had a greedy neighbour."""
SIZES = ("batch_size", "image_size", "dim")
"""Settings (by the last part of their name) that need more memory the larger they are."""
NETWORKS = ("model", "peer_model")
MATTERS = (*NETWORKS, "method", "precision", "compile", "channels_last", "optim", "peer_optim", "ema")
"""Sections in which any choice may change the memory needed; in networks, any number may too."""


class MemoryLimit:
    """Predicts which samples run out of memory.

    A sample needs at least as much memory as a trial if none of its sizes (batch, image, layer width) is
    smaller and everything else that affects memory, such as the backbone, is equal. A sample does not fit if
    it needs at least as much as two trials that ran out of memory, unless a trial that needs at least as much
    as the sample has done an epoch.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def add(self, number: int) -> None:
        """Record that this trial ran out of memory."""
        if number not in self._numbers:
            self._study.set_user_attr(ATTRIBUTE, [*self._numbers, number])

    @property
    def _numbers(self) -> list[int]:
        return list(self._study.user_attrs.get(ATTRIBUTE, []))

    @property
    def trials(self) -> str:
        """The trials that ran out of memory, by name."""
        return f"trials {', '.join(trial_name(number) for number in sorted(self._numbers))}"

    def violation(self, parameters: Mapping[str, Any]) -> float:
        """How far a sample is beyond the memory limit: 0 within it, else at least 1.

        ``parameters`` by their names in the study. The value is 1 + Σ log2(sample's size / trial's size), for
        the nearest of the trials that ran out of memory and need no more than the sample.
        """
        numbers = self._numbers
        if len(numbers) < LEAST_TRIALS:
            return 0.0
        trials = self._study.get_trials(deepcopy=False)
        excess = [_excess(parameters, trials[number].params) for number in numbers]
        above = [one for one in excess if one is not None]
        if len(above) < LEAST_TRIALS:
            return 0.0
        fits = (trial.params for trial in trials if last_epoch(trial) > 0 and trial.number not in numbers)
        if any(_excess(fitting, parameters) is not None for fitting in fits):
            return 0.0
        return 1 + min(above)


class MemoryWatch(tune.Callback):
    """Tells the limit which trials ran out of memory, by their own error or by Ray's memory monitor."""

    def __init__(self, limit: MemoryLimit) -> None:
        self._limit = limit

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune saves its callbacks, but a resumed sweep reads the study instead."""
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._learn(trial, trial.last_result.get(FAILURE, ""))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._learn(trial, cause_line(trial))

    def _learn(self, trial: Trial, cause: str) -> None:
        if is_out_of_memory(cause.partition("\n")[0]):
            self._limit.add(trial.config["number"])


def _excess(parameters: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """How much more memory the first needs, in powers of two; None if the two cannot be compared."""
    excess = 0.0
    for name in parameters.keys() | other.keys():
        own, others = parameters.get(name), other.get(name)
        is_size = name.rpartition(".")[2] in SIZES
        if is_size and _is_size(own) and _is_size(others):
            powers = math.log2(own / others)
            if powers < 0:
                return None
            excess += powers
        elif (is_size or _matters(name, own)) and repr(own) != repr(others):
            return None
    return excess


def _is_size(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _matters(name: str, value: Any) -> bool:
    """Names are dotted paths with the chosen option in brackets: ``method[peer].drop_rate``."""
    section = name.partition(".")[0].partition("[")[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return section in MATTERS and (not is_number or section in NETWORKS)
