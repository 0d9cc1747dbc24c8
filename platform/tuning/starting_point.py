"""The setting ``init_from`` where it names a sweep or a trial: the checkpoint that is meant."""

import json
import math
from collections.abc import Iterable
from pathlib import Path

from platform.config.errors import UserError
from platform.training.description import DESCRIPTION
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
    if (path / "sweep.json").is_file():
        return str(_best(SweepFolder(path), path.glob(f"trials/*/checkpoint_*/{DESCRIPTION}"), init_from))
    if (path.parents[1] / "sweep.json").is_file():
        return str(_best(SweepFolder(path.parents[1]), path.glob(f"checkpoint_*/{DESCRIPTION}"), init_from))
    raise UserError(
        f"init_from: {init_from} is no folder of a sweep, trial or checkpoint, and no file of weights"
    )


def _best(sweep: SweepFolder, descriptions: Iterable[Path], init_from: str) -> Path:
    record = sweep.read_record()
    sign = -1 if record.mode == "min" else 1
    values = {file.parent: sign * _metric(file, record.metric) for file in sorted(descriptions)}
    if not values:
        raise UserError(f"init_from: {init_from} has no checkpoint")
    return max(values, key=values.__getitem__)


def _metric(description: Path, name: str) -> float:
    value = json.loads(description.read_text(encoding="utf-8"))["metrics"].get(name, -math.inf)
    return float(value)
