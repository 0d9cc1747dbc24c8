"""Where in the space trials run out of memory, learnt from those that did."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

import optuna
from ray import tune
from ray.tune.experiment import Trial

from platform.tuning.failure import cause_line, is_out_of_memory
from platform.tuning.names import trial_name
from platform.tuning.trial.outcome import FAILURE
from platform.tuning.told_epochs import has_done_an_epoch

ATTRIBUTE = "out_of_memory"
"""Attribute of the study: the numbers of the trials that ran out of memory."""
CONSTRAINT = "memory"
LEAST = 2
SIZES = ("batch_size", "image_size", "dim")
"""Settings, by their last word, of which more takes more memory."""
NETWORKS = ("model", "peer_model")
MATTERS = (*NETWORKS, "method", "precision", "compile", "channels_last", "optim", "peer_optim", "ema")
"""Sections of which every choice may decide over memory; of the networks, every number too."""


class MemoryLimit:
    """Tells samples for which there is no memory from those of which that is not known.

    A sample asks for no less than a trial if none of its sizes (batch, images, layers' widths) is smaller
    and if whatever else decides over memory, such as the backbone, is the same. There is no memory for a
    sample that asks for no less than two trials that ran out of it, as one may have had a greedy neighbour,
    unless a trial that asks for no less than the sample has done an epoch.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    def add(self, number: int) -> None:
        """The trial of that number ran out of memory."""
        if number not in self._numbers:
            self._study.set_user_attr(ATTRIBUTE, [*self._numbers, number])

    @property
    def _numbers(self) -> list[int]:
        return list(self._study.user_attrs.get(ATTRIBUTE, []))

    @property
    def trials(self) -> str:
        """Those that ran out of it, by name."""
        return f"trials {', '.join(trial_name(number) for number in sorted(self._numbers))}"

    def violation(self, parameters: Mapping[str, Any]) -> float:
        """How far a sample is from what is not known to run out of memory: 0, or at least 1.

        ``parameters`` as the study has them. Of the trials it asks for no less than, the one nearest to it
        counts: 1 + the sum over sizes of log2(the sample's / the trial's).
        """
        numbers = self._numbers
        if len(numbers) < LEAST:
            return 0.0
        trials = self._study.get_trials(deepcopy=False)
        excess = [_excess(parameters, trials[number].params) for number in numbers]
        above = [one for one in excess if one is not None]
        if len(above) < LEAST:
            return 0.0
        fits = (trial.params for trial in trials if has_done_an_epoch(trial) and trial.number not in numbers)
        if any(_excess(fitting, parameters) is not None for fitting in fits):
            return 0.0
        return 1 + min(above)


class MemoryWatch(tune.Callback):
    """Tells the limit of trials that ran out of memory, of themselves or by Ray's memory monitor."""

    def __init__(self, limit: MemoryLimit) -> None:
        self._limit = limit

    def __getstate__(self) -> dict[str, Any]:
        """Tune writes its callbacks down, and nobody reads that: all is in the study."""
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._learn(trial, trial.last_result.get(FAILURE, ""))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._learn(trial, cause_line(trial))

    def _learn(self, trial: Trial, cause: str) -> None:
        if is_out_of_memory(cause.partition("\n")[0]):
            self._limit.add(trial.config["number"])


def _excess(parameters: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """By how much the first asks for more memory, in powers of two; None where that cannot be told."""
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
