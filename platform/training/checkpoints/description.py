"""Read ``checkpoint.json``: config, classes, normalisation and metrics of a checkpoint."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from platform.config.errors import shortened, show
from platform.datasets.image_size import AnySize
from platform.models.normalisation import Normalisation
from platform.storage.folder import Folder
from platform.training.errors import CheckpointError

FORMAT = 2
READ_AT_ONCE = 16
DESCRIPTION = "checkpoint.json"
_TableName = Annotated[str, Field(pattern=r"^[a-z_]+$")]
_Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Input(_Strict):
    mean: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    std: tuple[_Deviation, _Deviation, _Deviation]


class _Average(_Strict):
    ranked: str


class _Trial(_Strict):
    ema: _Average | None
    precision: str
    channels_last: bool | str


class _Network(_Strict):
    section: dict[str, Any]
    input: _Input


class _Ranking(_Strict):
    """What ranking and deleting checkpoints relies on."""

    format: int
    metrics: dict[str, float] = {}
    networks: list[dict[str, Any]] = []
    tables: list[_TableName] = []


class _Description(_Input):
    """What loading relies on; versions differ in the rest. A stranger's checkpoint may hold anything."""

    format: int
    epoch: int = Field(ge=0, lt=2**31)
    step: int = Field(ge=0, lt=2**53)
    metrics: dict[str, float]
    history: list[dict[str, float]]
    precision: Literal["fp32", "bf16", "fp16"]
    image_size: AnySize
    sees_whole: bool = False
    trial: _Trial
    classes: list[str] = Field(min_length=1)
    networks: list[_Network] = Field(min_length=1)
    data_digest: str


def read_description(folder: Path | Folder, *, ranks: bool = False) -> dict[str, Any]:
    """Read a checkpoint's description; raises :class:`CheckpointError` if it is missing or unreadable.

    ``ranks``: only its metrics and the number of its networks are needed, and checked.
    """
    path = folder / DESCRIPTION
    try:
        content = Folder.of(folder).read(DESCRIPTION)
        description: dict[str, Any] = json.loads(content.decode())
        if isinstance(description, dict) and description.get("format") != FORMAT:
            raise CheckpointError(
                f"{path}: format {show(description.get('format'))}, this version reads {FORMAT}"
            )
        (_Ranking if ranks else _Description).model_validate_json(content)
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no checkpoint here ({DESCRIPTION} is missing)") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shortened(".".join(map(str, first["loc"])))
        raise CheckpointError(f"{path}: broken ({place}: {first['msg']})") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: broken ({error})") from error
    return description


def best_checkpoint(folder: Folder, metric: str, mode: str) -> Folder | None:
    """The checkpoint below ``folder`` with the best ``metric``; None if no checkpoint has a finite one.

    Of equally good checkpoints it is the last by name.
    """
    there = [one for one in folder.holders(DESCRIPTION) if not one.name.startswith(".")]  # no drafts
    there.sort(key=str, reverse=True)
    with ThreadPoolExecutor(READ_AT_ONCE) as pool:
        values = dict(zip(there, pool.map(lambda each: metric_of(each, metric), there), strict=True))
    kept = {folder: value for folder, value in values.items() if math.isfinite(value)}
    best = min if mode == "min" else max
    return best(kept, key=kept.__getitem__, default=None)


def metric_of(checkpoint: Folder, name: str) -> float:
    """A metric of the checkpoint's last epoch; NaN if there is none of that name.

    Raises :class:`CheckpointError` as :func:`read_description` does.
    """
    return metric_in(read_description(checkpoint, ranks=True), name)


def metric_in(description: dict[str, Any], name: str) -> float:
    """As :func:`metric_of`, from a description."""
    return float(description.get("metrics", {}).get(name, math.nan))


def weights_file(folder: Path, description: dict[str, Any], number: int) -> Path:
    """The weights with which network ``number`` (from 1) is ranked and predicts."""
    ema = description["trial"]["ema"]
    suffix = "_ema" if ema is not None and ema["ranked"] == "ema" else ""
    return folder / f"network_{number}{suffix}.safetensors"


def normalisation_of(record: dict[str, Any]) -> Normalisation:
    """The ``mean`` and ``std`` of a record."""
    return Normalisation(tuple(record["mean"]), tuple(record["std"]))
