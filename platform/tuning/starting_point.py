"""The settings ``init_from`` and ``teacher``: the checkpoint that is meant by a sweep's or trial's folder."""

from pathlib import Path

from platform.config.errors import UserError
from platform.training.description import DESCRIPTION, best_checkpoint
from platform.tuning.sweep_folder import SweepFolder


def find_start(init_from: str | None) -> str | None:
    """A sweep's or trial's folder as that of its best checkpoint, absolute; a checkpoint or a file as it is.

    Best by the metric that the sweep selects on. Raises UserError where there is nothing to start from.
    """
    if init_from is None:
        return None
    path = Path(init_from).absolute()
    if path.is_file():
        return str(path)
    found = _checkpoint(path, f"init_from: {init_from}")
    if found is None:
        raise UserError(
            f"init_from: {init_from} is no folder of a sweep, trial or checkpoint, and no file of weights"
        )
    return str(found)


def find_teacher(teacher: str | None) -> str | None:
    """As :func:`find_start`, but weights alone teach nothing: it must be one of the folders."""
    if teacher is None:
        return None
    found = _checkpoint(Path(teacher).absolute(), f"teacher: {teacher}")
    if found is None:
        raise UserError(f"teacher: {teacher} is no folder of a sweep, trial or checkpoint")
    return str(found)


def _checkpoint(path: Path, named: str) -> Path | None:
    """The checkpoint that a folder is, or the best of the sweep or trial that it is; None: it is neither."""
    if (path / DESCRIPTION).is_file():
        return path
    for sweep, checkpoints in ((path, path / "trials"), (path.parent.parent, path)):
        if (sweep / "sweep.json").is_file():
            record = SweepFolder(sweep).read_record()
            best = best_checkpoint(checkpoints, record.metric, record.mode)
            if best is None:
                words = "none was written, or storage.max_bytes had it deleted"
                raise UserError(f"{named} has no checkpoint: {words}")
            return best
    return None
