"""The settings ``init_from`` and ``teacher``: the checkpoint that is meant by a sweep's or trial's folder."""

from platform.config.errors import UserError
from platform.training.checkpoints.description import DESCRIPTION, best_checkpoint
from platform.storage.folder import Folder
from platform.tuning.folder.sweep_folder import RECORD, read_identity


def find_start(init_from: str | None) -> str | None:
    """A sweep's or trial's folder as that of its best checkpoint, absolute; a checkpoint or a file as it is.

    Best by the metric that the sweep selects on. Raises UserError where there is nothing to start from.
    """
    if init_from is None:
        return None
    folder = Folder.of(init_from)
    if folder.local is not None and folder.local.is_file():
        return str(folder)
    found = _checkpoint(folder, f"init_from: {init_from}")
    if found is None:
        raise UserError(
            f"init_from: {init_from} is no folder of a sweep, trial or checkpoint, and no file of weights"
        )
    return str(found)


def find_teacher(teacher: str | None) -> str | None:
    """As :func:`find_start`, but weights alone teach nothing: it must be one of the folders."""
    if teacher is None:
        return None
    found = _checkpoint(Folder.of(teacher), f"teacher: {teacher}")
    if found is None:
        raise UserError(f"teacher: {teacher} is no folder of a sweep, trial or checkpoint")
    return str(found)


def _checkpoint(folder: Folder, named: str) -> Folder | None:
    """The checkpoint that a folder is, or the best of the sweep or trial that it is; None: it is neither."""
    if folder.has(DESCRIPTION):
        return folder
    for sweep, trial in ((folder, ""), (folder.parent.parent, folder.name)):
        if sweep.has(RECORD):
            record = read_identity(sweep)
            trials = record.trials_in(sweep)
            best = best_checkpoint(trials / trial if trial else trials, record.metric, record.mode)
            if best is None:
                words = "none was written, or storage.max_bytes had it deleted"
                raise UserError(f"{named} has no checkpoint: {words}")
            return best
    return None
