"""Read weight files from any origin: tensors and numbers only, without executing code."""

import argparse
import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from platform.models.errors import ModelError, first_line

NESTED_UNDER = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Keys under which training scripts store weights in a .pth file; averaged weights first."""


@dataclass(frozen=True)
class WeightFile:
    """Tensors by name, without the prefixes of DistributedDataParallel and torch.compile."""

    source: str
    tensors: dict[str, Tensor]
    architecture: str | None = None
    """timm's name of the network, if the file contains it."""


def read_weights(path: Path, *, shapes_only: bool = False) -> WeightFile:
    """Read a .safetensors file, or one of ``torch.save``.

    ``shapes_only`` reads only headers if the format allows; the tensors are then on the meta device. Raises
    :class:`ModelError` with one line for a file that is missing, broken, or holds Python objects.
    """
    if not path.is_file():
        raise ModelError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if path.suffix == ".safetensors":
        return WeightFile(str(path), _without_prefixes(_safetensors(path, shapes_only)))
    content = _torch_file(path, shapes_only)
    if not isinstance(content, Mapping):
        raise ModelError(f"{path}: holds no tensors by name, but a {type(content).__name__}")
    named = next((content[key] for key in NESTED_UNDER if isinstance(content.get(key), Mapping)), content)
    tensors = {str(name): value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path}: holds no tensors by name")
    architecture = content.get("arch")
    return WeightFile(
        str(path), _without_prefixes(tensors), architecture if isinstance(architecture, str) else None
    )


def _without_prefixes(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, named as in an unwrapped network."""
    from timm.models import clean_state_dict

    cleaned: dict[str, Tensor] = clean_state_dict(dict(tensors))
    return cleaned


def is_zip(file: Path) -> bool:
    """Whether a file is a zip, as torch writes; one whose end is damaged is none."""
    try:
        return is_zipfile(file)
    except BadZipFile:
        return False


def _safetensors(path: Path, shapes_only: bool) -> dict[str, Tensor]:
    try:
        if not shapes_only:
            return load_file(path)
        with safe_open(path, "pt") as file:  # compares the file's length with its header
            return {
                name: torch.empty(file.get_slice(name).get_shape(), device="meta")
                for name in file.keys()  # noqa: SIM118
            }
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: truncated, or no file of weights ({first_line(error)})") from error


def _torch_file(path: Path, shapes_only: bool) -> Any:
    lazily: dict[str, Any] = {"map_location": "meta", "mmap": is_zip(path)} if shapes_only else {}
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):
            warnings.simplefilter("ignore")  # about the pickle protocol: the file is either read or refused
            return torch.load(path, **({"map_location": "cpu"} | lazily), weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"{path}: {_refused(path, str(error))}") from error
    except (RuntimeError, EOFError, OSError, BadZipFile, struct.error, ValueError, LookupError) as error:
        raise ModelError(f"{path}: truncated, or no file of weights ({first_line(error)})") from error


def _refused(path: Path, message: str) -> str:
    """Why torch refused to unpickle, without its advice to disable the check."""
    named = re.search(r"GLOBAL ([\w.]+)", message)
    if named is None and not _is_pickle(path):
        return "truncated, or no file of weights"
    which = f" ({named.group(1)})" if named else ""
    return f"holds Python objects{which}, which could run code: only tensors and numbers are loaded"


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return is_zip(path) or file.read(1) == pickle.PROTO
