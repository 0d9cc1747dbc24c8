"""Files that are never seen half written."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt


def write_whole(file: Path, content: str | bytes) -> None:
    """Replace the file, and make its folder if there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def read_npz(file: Path) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of an .npz file; None where there is none, or one that was cut short."""
    try:
        with np.load(BytesIO(file.read_bytes())) as kept:
            return {name: kept[name] for name in kept.files}
    except (FileNotFoundError, BadZipFile, ValueError, EOFError):
        return None


def npz(arrays: Mapping[str, Any]) -> bytes:
    """The content of an .npz file of these arrays."""
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()
