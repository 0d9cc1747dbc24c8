"""The checkpoint that ``init_from`` or ``teacher`` means, given the folder of a sweep or a trial."""

from platform.config.errors import UserError
from platform.storage.folder import Folder
from platform.training.checkpoints.description import DESCRIPTION, best_checkpoint
from platform.tuning.folder.sweep_folder import RECORD, read_identity


def find_start(init_from: str | None) -> str | None:
    """The absolute path of the checkpoint to start from; a checkpoint or a file of weights stays as it is.

    For a sweep or a trial it is the best checkpoint by the sweep's metric. Raises UserError if there is none.
    """
    if init_from is None:
        return None
    folder = Folder.of(init_from)
    if folder.local is not None and folder.local.is_file():
        return str(folder)
    found = _checkpoint(folder, f"init_from: {init_from}")
    if found is None:
        raise UserError(
            f"init_from: {init_from} is not the folder of a sweep, trial or checkpoint, nor a file of weights"
        )
    return str(found)


def find_teacher(teacher: str | None) -> str | None:
    """As :func:`find_start`, but a file of weights will not do: a teacher needs a whole checkpoint."""
    if teacher is None:
        return None
    found = _checkpoint(Folder.of(teacher), f"teacher: {teacher}")
    if found is None:
        raise UserError(f"teacher: {teacher} is not the folder of a sweep, trial or checkpoint")
    return str(found)


def _checkpoint(folder: Folder, named: str) -> Folder | None:
    """The folder if it is a checkpoint, or the best checkpoint of the sweep or trial in it, or None."""
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
