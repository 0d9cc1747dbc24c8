"""Write the page of an audit: one HTML file without scripts that loads nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.page.class_table import ClassRow
from platform.datasets.audit.page.contents import PageContents, page_contents
from platform.datasets.audit.record import AuditRecord
from platform.storage.whole_files import write_whole

TEMPLATES: Final = Path(__file__).parent / "templates"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
SHOWN_CLASSES: Final = 10
"""Classes at each end of the long tail that the page names."""
CURVE_WIDTH, CURVE_HEIGHT = 600, 120
"""Of the curve of class sizes, in units of its own."""
WORD_FOR: Final = {"few": "few-shot", "medium": "medium-shot", "many": "many-shot"}


@dataclass(frozen=True)
class Next:
    """A command that may be given next, and what it is for."""

    why: str
    command: str


def write_page(folder: AuditFolder, record: AuditRecord, following: Sequence[Next]) -> None:
    """Replace ``index.html``."""
    write_whole(folder.page, render(page_contents(folder, record), following))


def render(contents: PageContents, following: Sequence[Next]) -> str:
    """The whole file. Everything in it that came from the user is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
    environment.filters["whole"] = lambda value: f"{value:,.0f}"
    return environment.get_template("audit.html.j2").render(
        contents=contents,
        record=contents.record,
        following=following,
        style=(TEMPLATES / "audit.css").read_text(encoding="utf-8"),
        policy=POLICY,
        curve=class_curve(contents.classes),
        curve_size=(CURVE_WIDTH, CURVE_HEIGHT),
        ends=_ends(contents.classes),
        doubtful=_doubtful(contents.classes),
        shot=WORD_FOR,
    )


def class_curve(classes: Sequence[ClassRow]) -> str:
    """Training images a class, the largest first, as the points of an SVG polygon; '' for fewer than 3."""
    if len(classes) < 3 or classes[0].train == 0:
        return ""
    step = CURVE_WIDTH / len(classes)
    points = [f"0,{CURVE_HEIGHT}"]
    for place, row in enumerate(classes):
        top = CURVE_HEIGHT * (1 - row.train / classes[0].train)
        points += [f"{place * step:.1f},{top:.1f}", f"{(place + 1) * step:.1f},{top:.1f}"]
    return " ".join([*points, f"{CURVE_WIDTH},{CURVE_HEIGHT}"])


def _ends(classes: list[ClassRow]) -> list[ClassRow | None]:
    """The largest and the smallest classes, and None between them where others are left out."""
    if len(classes) <= 2 * SHOWN_CLASSES:
        return [*classes]
    return [*classes[:SHOWN_CLASSES], None, *classes[-SHOWN_CLASSES:]]


def _doubtful(classes: list[ClassRow]) -> list[ClassRow]:
    """The classes of which most labels are expected to be wrong, by their share."""
    scored = [row for row in classes if row.expected_wrong]
    return sorted(scored, key=lambda row: -(row.expected_wrong or 0) / row.images)[: 2 * SHOWN_CLASSES]
