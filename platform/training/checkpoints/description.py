"""``checkpoint.json``: what a checkpoint's tensors do not say."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from platform.models.normalisation import Normalisation
from platform.training.errors import CheckpointError
from platform.storage.folder import Folder

FORMAT = 2
READ_AT_ONCE = 16
DESCRIPTION = "checkpoint.json"


def read_description(folder: Path | Folder) -> dict[str, Any]:
    """Raises :class:`CheckpointError` where there is none, or one that this version cannot read."""
    path = folder / DESCRIPTION
    try:
        description: dict[str, Any] = json.loads(Folder.of(folder).read(DESCRIPTION).decode())
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no checkpoint here ({DESCRIPTION} is missing)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: broken ({error})") from error
    if description.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {description.get('format')}, this version reads {FORMAT}")
    return description


def best_checkpoint(folder: Folder, metric: str, mode: str) -> Folder | None:
    """Of all checkpoints below ``folder`` the one whose ``metric`` is best; None where none has it finite.

    Of equally good ones the last by name.
    """
    there = [one for one in folder.holders(DESCRIPTION) if not one.name.startswith(".")]  # no drafts
    there.sort(key=str, reverse=True)
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        values = dict(zip(there, pool.map(lambda each: metric_of(each, metric), there), strict=True))
    kept = {folder: value for folder, value in values.items() if math.isfinite(value)}
    best = min if mode == "min" else max
    return best(kept, key=kept.__getitem__, default=None)


def metric_of(checkpoint: Folder, name: str) -> float:
    """A metric of the checkpoint's last epoch; NaN where it has none of that name."""
    return metric_in(json.loads(checkpoint.read(DESCRIPTION)), name)


def metric_in(description: dict[str, Any], name: str) -> float:
    """The same, of a description that was read."""
    return float(description.get("metrics", {}).get(name, math.nan))


def weights_file(folder: Path, description: dict[str, Any], number: int) -> Path:
    """The file of the weights that network ``number`` (from 1) is ranked and predicts with."""
    ema = description["trial"]["ema"]
    suffix = "_ema" if ema is not None and ema["ranked"] == "ema" else ""
    return folder / f"network_{number}{suffix}.safetensors"


def normalisation_of(record: dict[str, Any]) -> Normalisation:
    """The ``mean`` and ``std`` of a record."""
    return Normalisation(tuple(record["mean"]), tuple(record["std"]))
