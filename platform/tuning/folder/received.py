"""A sweep's folder that somebody else may have made: nothing in it may lead to other files.

Whoever opens a folder to write or delete below it calls :func:`check_folder` first.
"""

from contextlib import suppress
from dataclasses import replace

from platform.config.errors import UserError
from platform.storage.disk import StorageError
from platform.storage.folder import Folder
from platform.storage.no_links import refuse_links
from platform.tuning.folder.sweep_folder import RECORD, TRIALS, SweepFolder, SweepIdentity, read_identity

SOUPS = "soup"
"""The folder of means of weights, which a report makes."""


def check_folder(folder: SweepFolder) -> None:
    """Refuse links in the folder, and a record whose checkpoints are not this sweep's.

    Where the checkpoints lie on a storage that does not answer, whoever writes there asks again.

    Raises:
        UserError: one line that names the link, or the record.
    """
    if not folder.path.is_dir():
        return
    refuse_links(folder.path, replaced=(TRIALS,), locks=folder.study_lock)
    if folder.record_file.exists():
        with suppress(StorageError):
            own_trials(folder, folder.read_record())


def own_trials(folder: SweepFolder, record: SweepIdentity) -> Folder:
    """The folder of the sweep's checkpoints, in which this process may write and delete.

    Elsewhere than in the sweep's folder it must lie beside a copy of the sweep's own record, or in a folder
    in which nothing is yet.

    Raises:
        UserError: another sweep or something else lies there. StorageError: it cannot be read.
    """
    own = Folder.of(folder.path)
    trials = record.trials_in(own)
    place = trials.parent
    if place == own:
        return trials
    if trials.name != TRIALS or place.name != record.name or not _holds(place, record):
        raise UserError(
            f"{folder.record_file}: says that the checkpoints lie in {trials}, which is not this sweep's: "
            "nothing is read, written or deleted there"
        )
    if place.local is not None and place.local.is_dir():
        refuse_links(place.local, replaced=(TRIALS,))
    return trials


def belongs(checkpoint: Folder, trials: Folder) -> bool:
    """Whether a checkpoint that a received file names lies below ``trials``, a sweep's folder of checkpoints.

    After a copy it may lie where the sweep was made: beside a copy of the same record.
    """
    if checkpoint.local is not None:
        checkpoint = Folder.of(checkpoint.local.resolve())  # "..", which may lead out
    elif ".." in checkpoint.place.split("/"):
        return False
    own = Folder.of(trials.local.resolve()) if trials.local is not None else trials
    of_trial = checkpoint.parent  # or the folder of means of weights; older sweeps have one more between
    for place in (of_trial, of_trial.parent, of_trial.parent.parent):
        if place == own:
            return True
        if place.name in (TRIALS, SOUPS):
            with suppress(UserError):
                return _lasting(read_identity(place.parent)) == _lasting(read_identity(own.parent))
    return False


def _holds(place: Folder, record: SweepIdentity) -> bool:
    if place.has(RECORD):
        return _lasting(read_identity(place)) == _lasting(record)
    return not place.names()


def _lasting(record: SweepIdentity) -> SweepIdentity:
    """The record without what changes while a sweep lives: where MLflow is, and what the report shows."""
    return replace(record, tracking_uri="", experiment_id="", parent_run_id="", top=0, statistic="best")
