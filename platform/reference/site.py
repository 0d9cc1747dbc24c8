"""Builds the site strictly with Zensical, and checks what Zensical does not.

Zensical's own ``--strict`` refuses Markdown links to pages and headings that are not there. What it lets pass
is checked here: links and images in HTML, pages that no navigation lists, and addresses of other hosts that a
page would fetch by itself.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from platform.config.errors import UserError

CONFIG = "zensical.toml"
DOCS, SITE = "docs", "site"
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
"""What a browser asks for by itself; links are followed by people."""
NOT_PAGES = ("404.html",)


def build_site(folder: Path) -> Path:
    """Build ``folder``/site from ``folder``/docs, strictly; returns its first page.

    Raises:
        UserError: what is wrong, a line each.
    """
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"zensical build --strict: {_without_traceback(done.stdout + done.stderr)}")
    problems = [*not_in_navigation(folder), *broken_references(folder / SITE)]
    if problems:
        raise UserError("\n".join(problems))
    return folder / SITE / "index.html"


def not_in_navigation(folder: Path) -> list[str]:
    """A line for each page that the navigation does not list, and for each that it lists and is not there."""
    config = tomllib.loads((folder / CONFIG).read_text(encoding="utf-8"))
    listed = list(_pages_in(config["project"]["nav"]))
    there = {str(file.relative_to(folder / DOCS)) for file in (folder / DOCS).rglob("*.md")}
    missing = sorted(there - set(listed))
    gone = sorted(set(listed) - there)
    return [
        *(f"{DOCS}/{page}: is not in the navigation: add it to nav in {CONFIG}" for page in missing),
        *(f"{CONFIG}: nav lists {page}, which is not in {DOCS}/" for page in gone),
    ]


def broken_references(site: Path) -> list[str]:
    """A line for each internal link, image or script of the built pages that leads nowhere."""
    pages = {file: read_page(file) for file in sorted(site.rglob("*.html")) if file.name not in NOT_PAGES}
    found = []
    for file, page in pages.items():
        for reference in page.references:
            problem = _problem(reference, file, site, pages)
            if problem is not None:
                found.append(f"{file.relative_to(site)}: {reference.address}: {problem}")
    return found


@dataclass(frozen=True)
class Reference:
    """An address in a page; ``fetched``: the browser asks for it by itself."""

    address: str
    fetched: bool


@dataclass
class HtmlPage(HTMLParser):
    """The ids of a page, and what it refers to."""

    ids: set[str] = field(default_factory=set)
    references: list[Reference] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value is not None}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        for name in ("href", "src"):
            if name in given and not (tag == "link" and given.get("rel") == "canonical"):
                self.references.append(Reference(given[name], (tag, name) in FETCHED))


def read_page(file: Path) -> HtmlPage:
    page = HtmlPage()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def _problem(reference: Reference, file: Path, site: Path, pages: dict[Path, HtmlPage]) -> str | None:
    parts = urlsplit(reference.address)
    if parts.scheme or parts.netloc:
        is_data = parts.scheme == "data"
        return "a page would fetch it from another host" if reference.fetched and not is_data else None
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_file() or not target.is_relative_to(site.resolve()):
        return "is not in the site"
    fragment = unquote(parts.fragment)
    known = pages.get(target)
    if fragment and known is not None and fragment not in known.ids:
        return "has no such heading"
    return None


def _pages_in(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for inner in entry.values() if isinstance(entry, dict) else (entry,):
            if isinstance(inner, list):
                yield from _pages_in(inner)
            else:
                yield str(inner)


def _without_traceback(text: str) -> str:
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    return plain.partition("Traceback (most recent call last)")[0].strip() or plain.strip()
