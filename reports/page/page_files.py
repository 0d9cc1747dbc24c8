"""The page's tables and figures as files for papers and spreadsheets: report/tables/ and report/figures/.

They are read from the page itself, so that a file says what the page says, and whatever is added to the page
has its file.
"""

import csv
import html
import io
import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reports.page.figure_svg import svg
from platform.storage.whole_files import write_whole
from reports.spec_values import values

TABLES, FIGURES = "tables", "figures"
COLUMNS = ("series", "x", "y", "x_error", "y_error", "value", "text")
"""Of a figure's file; those that are empty are left out."""

Rows = list[list[str]]


class PageParts(HTMLParser):
    """``tables`` by the name in their caption's id, ``figures`` by that in their spec's id.

    A table's first row are its headings. A cell is the value that its column is sorted by (empty where it is
    not known), else its text, else what its pictures are called.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, Rows] = {}
        self.figures: dict[str, dict[str, Any]] = {}
        self._rows: Rows = []
        self._text: list[str] = []
        self._pictures: list[str] = []
        self._value: str | None = None
        self._figure: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._rows = []
        elif tag == "caption":
            self.tables[told["id"].removesuffix("-caption")] = self._rows
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._value, self._text, self._pictures = told.get("data-value"), [], []
        elif tag == "img":
            self._pictures.append(told.get("alt", ""))
        elif tag == "script" and told.get("id", "").startswith("spec-"):
            self._figure, self._text = told["id"].removeprefix("spec-"), []

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            text = " ".join("".join(self._text).split()) or "; ".join(self._pictures)
            self._rows[-1].append(text if self._value is None else self._value)
        elif tag == "script" and self._figure is not None:
            self.figures[self._figure] = json.loads("".join(self._text))
            self._figure = None


def write_page_files(page: str, folder: Path) -> None:
    """A CSV file a table and figure of the page in ``folder``, and an SVG file a figure.

    Those of a page before that had more go.
    """
    parts = PageParts(page)
    tables = {f"{file_name(name)}.csv": _csv(rows) for name, rows in parts.tables.items()}
    figures: dict[str, str | bytes] = {}
    for name, spec in parts.figures.items():
        figures[f"{file_name(name)}.csv"] = _csv(figure_rows(spec))
        figures[f"{file_name(name)}.svg"] = svg(spec)
    _write(folder / TABLES, tables)
    _write(folder / FIGURES, figures)


def figure_rows(spec: Mapping[str, Any]) -> Rows:
    """What a figure shows, a row a point (of a heat map a cell), under headings of COLUMNS."""
    points = [point for trace in spec["data"] for point in _points(trace)]
    shown = [name for name in COLUMNS if any(point.get(name) not in (None, "") for point in points)]
    return [shown, *([_cell(point.get(name)) for name in shown] for point in points)]


def file_name(name: str) -> str:
    """A name in the page as one that any file system takes."""
    return quote(name, safe="")


def _points(trace: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    series = trace.get("name")
    x, y = values(trace["x"]), values(trace["y"])
    if trace["type"] == "heatmap":
        for name, row in zip(y, values(trace["z"]), strict=True):
            yield from (
                {"series": series, "x": place, "y": name, "value": value}
                for place, value in zip(x, row, strict=True)
            )
        return
    errors = {f"{axis}_error": values(trace.get(f"error_{axis}", {}).get("array", ())) for axis in "xy"}
    told = values(trace.get("text", ()))
    for place, pair in enumerate(zip(x, y, strict=True)):
        if pair == (None, None):  # a gap in a line
            continue
        beside = {name: values[place] for name, values in {**errors, "text": told}.items() if len(values)}
        yield {"series": series, "x": pair[0], "y": pair[1], **beside}


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return html.unescape(value).replace("<br>", " ")
    return "" if value is None else str(value)


def _csv(rows: Rows) -> str:
    content = io.StringIO(newline="")
    csv.writer(content, lineterminator="\n").writerows(rows)
    return content.getvalue()


def _write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        write_whole(folder / name, content)
    for file in folder.glob("*.*"):
        if file.name not in files and file.suffix in (".csv", ".svg"):
            file.unlink()
