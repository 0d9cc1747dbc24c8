"""search.reuse: take the result of an earlier trial with the same settings, code and data.

The new trial gets the checkpoints of the earlier one (hard links where the file system has them). It then
behaves like a trial that is resumed after its last epoch: it builds its networks and reports its epochs again
to the study, the scheduler and MLflow.
"""

import json
import logging
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from platform.datasets.preparation.data import Data
from platform.storage.folder import Folder
from platform.storage.whole_files import whole_folder
from platform.tracking.environment import code_version
from platform.tracking.reading.earlier_trials import EarlierTrial, earlier_trials
from platform.training.checkpoints.description import metric_of, read_description
from platform.training.errors import CheckpointError
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.goals import value_of
from platform.tuning.names import flatten, trial_name
from platform.tuning.search.past_trials import REUSED
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.trial.kept_checkpoints import Keeping, KeptCheckpoints, keeping_of

logger = logging.getLogger(__name__)

ELSEWHERE = ("init_from", "teacher")
"""Settings that name files which may have changed since: a trial with one of them is always trained."""


class Reuse:
    """Finds trials that need no training: from ``earlier`` sweeps on ``data``, and the sweep's own."""

    def __init__(
        self, sweep: str, keeping: Keeping, data: Data, earlier: Iterable[EarlierTrial] = ()
    ) -> None:
        self._sweep = sweep
        self._keeping = keeping
        self._data = data
        self._known: dict[str, list[tuple[str, Folder]]] = {}
        self._suggested: dict[int, str] = {}
        for one in earlier:
            self._known.setdefault(_key(one.config), []).append((one.name, Folder.of(one.folder)))

    def answered(self, suggestion: dict[str, Any]) -> dict[str, Any]:
        """The suggestion, with REUSED if an earlier trial has its result, whose checkpoints are linked."""
        number, config = suggestion["number"], suggestion["trial"]
        if any(config.get(setting) is not None for setting in ELSEWHERE):
            return suggestion
        key = self._suggested[number] = _key(config)
        own = self._keeping.of(trial_name(number))
        for name, folder in reversed(self._known.get(key, [])):
            if name != f"{self._sweep}/{trial_name(number)}" and self._give(own, folder, config):
                return suggestion | {REUSED: name}
        return suggestion

    def ended(self, number: int) -> None:
        """Note that a trial of this sweep ran to its end, so that an equal one can take its result."""
        if key := self._suggested.get(number):
            trial = trial_name(number)
            self._known.setdefault(key, []).append((f"{self._sweep}/{trial}", self._keeping.of(trial).folder))

    def _give(self, own: KeptCheckpoints, folder: Folder, config: Mapping[str, Any]) -> bool:
        """Link the checkpoints of ``folder`` into ``own``; False if its trial is not complete."""
        best, newest = KeptCheckpoints(folder, self._keeping).best_and_newest()
        if newest is None or best is None or own.folder.local is None or folder.local is None:
            return False
        try:
            if not self._is_the_end(newest, best, config):
                return False
            for checkpoint in (best, newest):
                _link(folder.local / checkpoint.name, own.folder.local / checkpoint.name)
        except (CheckpointError, FileNotFoundError):  # deleted meanwhile, or no checkpoint of ours
            return False
        return True

    def _is_the_end(self, newest: Folder, best: Folder, config: Mapping[str, Any]) -> bool:
        """Whether these are the final checkpoints of a trial with this config and data, judged as here."""
        description, data = read_description(newest), self._data
        of_data = (data.digest, list(data.classes), list(data.mean), list(data.std))
        there = (description[key] for key in ("data_digest", "classes", "mean", "std"))
        if tuple(there) != of_data or _key(description["trial"]) != _key(config):
            return False
        if description["epoch"] != TrialConfig.model_validate_json(json.dumps(config)).total_epochs:
            return False
        keeping = self._keeping
        values = [float(epoch.get(keeping.metric, math.nan)) for epoch in description["history"]]
        best_value = value_of(values, "best", "min" if keeping.mode == "min" else "max")
        return metric_of(best, keeping.metric) == best_value


def reuse_of(config: SweepConfig, folder: SweepFolder, data: Data) -> Reuse | None:
    """The trials in the sweep's MLflow; None, with a warning, if the code's version is unknown."""
    code = code_version().key
    if code is None:
        logger.warning(
            "search.reuse: the code has changes that are not committed, or is in no git: every trial is run"
        )
        return None
    known = earlier_trials(
        folder.read_record().tracking_uri,
        code=code,
        data_digest=data.digest,
        data_settings=flatten({"data": config.data.model_dump(mode="json")}),
    )
    return Reuse(folder.name, keeping_of(folder), data, known)


def _key(config: Mapping[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)


def _link(checkpoint: Path, here: Path) -> None:
    """Copy the checkpoint, completely or not at all; hard links take no space."""
    if here.exists():
        return
    with whole_folder(here) as draft:
        shutil.copytree(checkpoint, draft, copy_function=_link_or_copy, dirs_exist_ok=True)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
