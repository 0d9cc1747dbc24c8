"""``checkpoint.json``: what a checkpoint's tensors do not say."""

import json
import math
from pathlib import Path
from typing import Any

from platform.models.normalisation import Normalisation
from platform.training.errors import CheckpointError

FORMAT = 2
DESCRIPTION = "checkpoint.json"


def read_description(folder: Path) -> dict[str, Any]:
    """Raises :class:`CheckpointError` where there is none, or one that this version cannot read."""
    path = folder / DESCRIPTION
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no checkpoint here ({DESCRIPTION} is missing)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: broken ({error})") from error
    if description.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {description.get('format')}, this version reads {FORMAT}")
    return description


def best_checkpoint(folder: Path, metric: str, mode: str) -> Path | None:
    """Of all checkpoints below ``folder`` the one whose ``metric`` is best; None where none has it finite.

    Of equally good ones the last by name.
    """
    files = sorted(folder.rglob(DESCRIPTION), reverse=True)
    values = {file.parent: metric_of(file.parent, metric) for file in files}
    kept = {folder: value for folder, value in values.items() if math.isfinite(value)}
    best = min if mode == "min" else max
    return best(kept, key=kept.__getitem__, default=None)


def metric_of(checkpoint: Path, name: str) -> float:
    """A metric of the checkpoint's last epoch; NaN where it has none of that name."""
    metrics = json.loads((checkpoint / DESCRIPTION).read_text(encoding="utf-8")).get("metrics", {})
    return float(metrics.get(name, math.nan))


def weights_file(folder: Path, description: dict[str, Any], number: int) -> Path:
    """The file of the weights that network ``number`` (from 1) is ranked and predicts with."""
    ema = description["trial"]["ema"]
    suffix = "_ema" if ema is not None and ema["ranked"] == "ema" else ""
    return folder / f"network_{number}{suffix}.safetensors"


def normalisation_of(record: dict[str, Any]) -> Normalisation:
    """The ``mean`` and ``std`` of a record."""
    return Normalisation(tuple(record["mean"]), tuple(record["std"]))
