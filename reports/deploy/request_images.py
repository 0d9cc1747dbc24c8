"""Images as a request to a served model gives them: base64, bytes, pixels, or paths where these are allowed.

A model in MLflow holds a copy of this module and of all that it imports.
"""

import base64
import binascii
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow
from platform.datasets.sources.regular_files import read_regular
from platform.tracking.bad_request import BadRequest

GIVEN: Final = "base64 text, bytes, or RGB pixels [height, width, 3] of 0 to 255"


def images_of(model_input: Any) -> list[Any]:
    """The request's images: a list, or the only column of a DataFrame or a dict."""
    if isinstance(model_input, dict):
        model_input = _only(list(model_input.items()))
    if isinstance(model_input, pd.DataFrame):
        model_input = _only(list(model_input.items()))
    if isinstance(model_input, Iterable) and not isinstance(model_input, str | bytes | dict):
        return list(model_input)
    raise BadRequest(f"needs a list of images ({GIVEN}), got {type(model_input).__name__}")


def _only(columns: list[tuple[Any, Any]]) -> Any:
    if len(columns) != 1:
        raise BadRequest(f"needs one column of images, got {', '.join(str(name) for name, _ in columns)}")
    return columns[0][1]


def decoded(image: Any, kept: KeptSize, *, allows_paths: bool) -> Image.Image:
    """The image in the size in which the sweep kept its images; raises BadRequest if it is none."""
    quieten_pillow()
    if isinstance(image, str | Path):
        content = _content_of_text(str(image), kept, allows_paths=allows_paths)
    elif isinstance(image, bytes | bytearray | memoryview):
        content = bytes(image)
    else:
        content = _content_of_pixels(image)
    try:
        return decode_image(content, kept)
    except UnreadableImage as error:
        raise BadRequest(f"is no image that can be read: {error}") from None


def _content_of_text(text: str, kept: KeptSize, *, allows_paths: bool) -> bytes:
    """The bytes that base64 text stands for, with or without ``data:image/png;base64,``; or a file's."""
    head, comma, encoded = text.partition(",")
    is_uri = bool(comma) and head.startswith("data:") and head.endswith(";base64")
    try:
        return base64.b64decode("".join((encoded if is_uri else text).split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    if not allows_paths:
        shown = f"{text[:40]}…" if len(text) > 40 else text
        raise BadRequest(
            f"is text that is not base64: {shown!r}; paths are read only by a model that was shipped with "
            "--allow-paths"
        )
    try:
        return read_regular(Path(text), kept.max_bytes)
    except OSError as error:
        raise BadRequest(f"is neither base64 nor a file that can be read: {error}") from None


def _content_of_pixels(image: Any) -> bytes:
    try:
        pixels = np.asarray(image)
    except ValueError:
        raise BadRequest(f"is not {GIVEN}: its rows have several lengths") from None
    if pixels.dtype == object:  # arrays in arrays, as DataFrames hold nested lists
        pixels = np.asarray(_plain(image))
    is_rgb = pixels.ndim == 3 and pixels.shape[2] == 3 and np.issubdtype(pixels.dtype, np.integer)
    if not is_rgb or not pixels.size or pixels.min() < 0 or pixels.max() > 255:
        raise BadRequest(f"is not {GIVEN}: got {pixels.dtype} {list(pixels.shape)}")
    content = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(content, "png", compress_level=0)  # resized as files are
    return content.getvalue()


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, np.ndarray | list | tuple) else value
