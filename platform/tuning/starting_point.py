"""The setting ``init_from`` where it names a sweep or a trial: the checkpoint that is meant."""

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
    if path.is_file() or (path / DESCRIPTION).is_file():
        return str(path)
    for sweep, checkpoints in ((path, path / "trials"), (path.parent.parent, path)):
        if (sweep / "sweep.json").is_file():
            record = SweepFolder(sweep).read_record()
            best = best_checkpoint(checkpoints, record.metric, record.mode)
            if best is None:
                raise UserError(f"init_from: {init_from} has no checkpoint")
            return str(best)
    raise UserError(
        f"init_from: {init_from} is no folder of a sweep, trial or checkpoint, and no file of weights"
    )
