"""The page's tables and the points of its figures as CSV files: report/tables/ and report/figures/."""

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.whole_files import write_whole
from reports.page.figures import Figure
from reports.page.tables import Table

TABLES, FIGURES = "tables", "figures"
COLUMNS = ("series", "x", "y", "x_error", "y_error", "value", "text")
"""Of a figure's file; columns without a value are left out."""


def write_page_files(tables: Iterable[Table], figures: Iterable[Figure], folder: Path) -> None:
    """Write a CSV file for each table and figure into ``folder``, and delete files of an earlier page."""
    _write(folder / TABLES, {f"{file_name(one.name)}.csv": one.csv() for one in tables})
    points = {f"{file_name(one.name)}.csv": figure_points(json.loads(one.spec)) for one in figures}
    _write(folder / FIGURES, {name: csv_text(frame) for name, frame in points.items()})


def figure_points(spec: Mapping[str, Any]) -> pd.DataFrame:
    """What a figure shows: a row for each point (for a heat map each cell), with columns of COLUMNS."""
    points = [
        {name: _text(value) for name, value in point.items()}
        for trace in spec["data"]
        for point in _points(trace)
    ]
    frame = pd.DataFrame(points, columns=list(COLUMNS), dtype=object)
    return frame.loc[:, frame.notna().any()]


def file_name(name: str) -> str:
    """The name of a table or figure as a file name for any file system."""
    return quote(name, safe="")


def _points(trace: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    series = trace.get("name")
    x, y = _values(trace["x"]), _values(trace["y"])
    if trace["type"] == "heatmap":
        for name, row in zip(y, _values(trace["z"]), strict=True):
            for place, value in zip(x, row, strict=True):
                yield {"series": series, "x": place, "y": name, "value": value}
        return
    beside = {f"{axis}_error": _values(trace.get(f"error_{axis}", {}).get("array", ())) for axis in "xy"}
    beside["text"] = _values(trace.get("text", ()))
    for place, pair in enumerate(zip(x, y, strict=True)):
        if pair != (None, None):  # a gap in a line
            further = {name: values[place] for name, values in beside.items() if values}
            yield {"series": series, "x": pair[0], "y": pair[1], **further}


def _values(array: Any) -> list[Any]:
    """A list as it is; plotly's base64 of an array of numbers, decoded."""
    if not isinstance(array, dict):
        return list(array)
    numbers = np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"])
    shape = [int(length) for length in str(array.get("shape", len(numbers))).split(",")]
    decoded: list[Any] = numbers.reshape(shape).tolist()
    return decoded


def _text(value: Any) -> Any:
    """Text without plotly's escapes; None for nothing."""
    if isinstance(value, str):
        return html.unescape(value).replace("<br>", " ") or None
    return value


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        write_whole(folder / name, content)
    for file in folder.glob("*.*"):
        if file.name not in files and file.suffix in (".csv", ".svg"):
            file.unlink()
