"""The HTML of a review, as a page that the command serves or as one file with its pictures in it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platform.config.invocation import command_line
from platform.datasets.errors import counted
from platform.datasets.review.pictures import Picture, Pictures
from platform.datasets.review.session import Review
from platform.datasets.sources.image_decoding import UnreadableImage
from platform.storage.disk import size

TEMPLATES = Path(__file__).parent / "templates"
SIDES: Final = {"large": 1024, "small": 160}
"""px of the longer side: of the image that is judged, and of examples."""
LARGE_IN_FILE = 640
MOST_BYTES = 64_000_000
"""Of the pictures in one file."""


def served_page(review: Review) -> str:
    """The page that asks the command for pictures and sends it the answers."""
    return _render(review, {"mode": "server", "pictures": {}, **review.news(0)})


def file_page(review: Review, pictures: Pictures) -> tuple[str, list[str]]:
    """The page that needs nothing else, and remarks on images that are not in it."""
    inline: dict[str, str] = {}
    kept, unreadable, length = [], 0, 0
    for one in review.questions:
        try:
            content = _inlined(pictures.picture(one.row, LARGE_IN_FILE))
        except UnreadableImage:
            unreadable += 1
            continue
        if length + len(content) > MOST_BYTES:
            break
        inline[f"{one.row}/large"] = content
        length += len(content)
        kept.append(one)
    shown = Review(review.audited, kept, review.examples)
    for row in _example_rows(shown):
        try:
            content = _inlined(pictures.picture(row, SIDES["small"]))
        except UnreadableImage:
            continue  # the class has one example less
        if (length := length + len(content)) > MOST_BYTES:
            break
        inline[f"{row}/small"] = content
    take = command_line("platform.data", "labels", review.audited.folder.path, "--take", "answers.jsonl")
    html = _render(shown, {"mode": "file", "pictures": inline, **review.news(0), "next": [take]})
    return html, list(_remarks(len(review.questions), len(kept), unreadable))


def policy(script: str, *, is_served: bool) -> str:
    """Content-Security-Policy: only this script runs; nothing is loaded but from the command itself."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own, asked = (" 'self'", "'self'") if is_served else ("", "'none'")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:{own}; "
        f"connect-src {asked}; base-uri 'none'; form-action 'none'"
    )


def script_json(value: Any) -> str:
    """JSON for a <script> element, without characters that could end it or begin a comment."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _render(review: Review, more: dict[str, Any]) -> str:
    script = (TEMPLATES / "review.js").read_text(encoding="utf-8")
    is_served = more["mode"] == "server"
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("review.html.j2").render(
        name=str(review.audited.folder.path),
        is_served=is_served,
        style=(TEMPLATES / "review.css").read_text(encoding="utf-8"),
        script=script,
        policy=policy(script, is_served=is_served),
        review=script_json({**review.described(), **more}),
    )


def _example_rows(review: Review) -> Iterator[int]:
    """Those of the classes that are given or suggested, each once."""
    named = {name for one in review.questions for name in (one.label, one.suggested)}
    rows = [
        row
        for name, several in zip(review.audited.classes, review.examples, strict=True)
        if name in named
        for row in several
    ]
    yield from dict.fromkeys(rows)


def _inlined(picture: Picture) -> str:
    return f"data:{picture.kind};base64,{base64.b64encode(picture.content).decode()}"


def _remarks(asked: int, kept: int, unreadable: int) -> Iterator[str]:
    if unreadable:
        cannot = counted(unreadable, "image cannot be read", "images cannot be read")
        yield f"{cannot}: left out of the file"
    if kept + unreadable < asked:
        yield (
            f"the file holds the first {kept:,} of {asked:,} images, as they may take {size(MOST_BYTES)}: "
            "take their answers, then write the next file"
        )
