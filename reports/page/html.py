"""What all pages have in common: an environment that escapes, a policy that loads nothing, the style."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


def environment(templates: Path) -> Environment:
    """Templates of a folder. All that comes from the user is escaped."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def policy(scripts: Sequence[str], images: str = "data:") -> str:
    """Content-Security-Policy: only these scripts run, by their hashes, and nothing is loaded."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src {images}"


def course_style(own: Path) -> str:
    """The style of a page that follows something over time: the report's, that of small figures, its own."""
    files = (TEMPLATES / "report.css", TEMPLATES / "course.css", own)
    return "".join(file.read_text(encoding="utf-8") for file in files)
