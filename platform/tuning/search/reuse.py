"""search.reuse: a trial that was run before, with the same settings, code and data, is not trained again.

It is given the checkpoints of the earlier one, as its own (hard links where the file system has them). Then
it is a trial like one that was resumed after its last epoch: it builds its networks, tells of its epochs once
more, and study, scheduler and MLflow hear of them as of any other's.
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
from platform.tracking.reading.earlier_trials import EarlierTrial, earlier_trials
from platform.tracking.environment import code_version
from platform.training.checkpoints.description import metric_of, read_description
from platform.training.errors import CheckpointError
from platform.storage.folder import Folder
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.trial.kept_checkpoints import Keeping, KeptCheckpoints, keeping_of
from platform.tuning.names import flatten, trial_name
from platform.tuning.search.past_trials import REUSED
from platform.tuning.statistic import value_of
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder

logger = logging.getLogger(__name__)

ELSEWHERE = ("init_from", "teacher")
"""Settings that name what may have been written anew since: a trial with one of them is run."""


class Reuse:
    """The trials that a sweep on ``data`` need not run: ``earlier`` ones, and its own that have ended."""

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
        """The suggestion, with the trial that answers it where one does; its checkpoints are there then."""
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
        """A trial of this sweep ran to its end; a second one like it is answered from it."""
        if key := self._suggested.get(number):
            trial = trial_name(number)
            self._known.setdefault(key, []).append((f"{self._sweep}/{trial}", self._keeping.of(trial).folder))

    def _give(self, own: KeptCheckpoints, folder: Folder, config: Mapping[str, Any]) -> bool:
        """Whether ``folder`` has what a trial of this config ends with; it is in ``own`` as well then."""
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
        """Of a trial of this config on this data, with the checkpoint of the epoch that is best here."""
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
    """What the sweep's MLflow knows; None, with a warning, where nobody knows which code this is."""
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
    """The checkpoint under another name too, whole or not at all; hard links take no room on the disk."""
    if here.exists():
        return
    draft = here.with_name(f".{here.name}.{os.getpid()}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        shutil.copytree(checkpoint, draft, copy_function=_link_or_copy)
        draft.rename(here)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
