"""The arrays of a plotly figure's JSON as lists."""

import base64
from typing import Any

import numpy as np


def values(array: Any) -> list[Any]:
    """A list as it is; what plotly packs arrays of numbers into, unpacked."""
    if not isinstance(array, dict):
        return list(array)
    numbers = np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])
    shape = [int(length) for length in str(array.get("shape", len(numbers))).split(",")]
    unpacked: list[Any] = numbers.reshape(shape).tolist()
    return unpacked
