"""The site is built strictly from the docs as they are, and its pages are looked at in a browser."""

import shutil
from pathlib import Path

import pytest

from platform.config.errors import UserError
from platform.reference.__main__ import main
from platform.reference.site import broken_references, build_site, not_in_navigation

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, built beside the docs."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(root / "docs", folder / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copy(root / "zensical.toml", folder)
    assert main(["--site", "--folder", str(folder)]) == 0
    return folder / "site"


def test_the_whole_site_builds_strictly(site: Path):
    pages = {str(file.relative_to(site)) for file in site.rglob("*.html")}
    assert {
        "index.html",
        "reference/settings.html",
        "reference/commands.html",
        "reference/metrics.html",
    } <= pages


def test_every_page_works_wide_and_narrow_without_network(site: Path, chromium):
    page = chromium.new_page(viewport=WIDE)
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if is_own(asked.url) else wrong.append(asked.url))
    for file in sorted(site.rglob("*.html")):
        if file.name == "404.html":
            continue
        page.set_viewport_size(WIDE)
        page.goto(file.as_uri())
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            widths = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]")
            assert max(widths) <= size["width"], (file.name, size, widths)
        assert wrong == [], file.name
    page.close()


def test_search_works_from_disk(site: Path, chromium):
    page = chromium.new_page(viewport=WIDE)
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("rank_by")
    page.get_by_text("method.rank_by").first.wait_for(timeout=60_000)
    page.close()


def is_own(address: str) -> bool:
    return address.startswith(("file:", "data:", "blob:", "about:"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Docs of two pages."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n## Part\n\n[other](other.md)\n")
    (tmp_path / "docs" / "other.md").write_text("# Other\n\n[home](index.md#part)\n")
    (tmp_path / "zensical.toml").write_text(
        '[project]\nsite_name = "small"\nuse_directory_urls = false\n'
        'nav = [{ "Home" = "index.md" }, { "More" = ["other.md"] }]\n[project.theme]\nfont = false\n'
    )
    return tmp_path


def test_a_right_site_is_built(small: Path):
    assert build_site(small).read_text().count("Home")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[gone](gone.md)", "page does not exist"),
        ("[gone](other.md#gone)", "anchor does not exist"),
        ('<a href="gone.html">gone</a>', "index.html: gone.html: is not in the site"),
        ('<a href="other.html#gone">gone</a>', "index.html: other.html#gone: has no such heading"),
        ("![gone](gone.png)", "gone.png: is not in the site"),
        ("![far](https://example.org/far.png)", "https://example.org/far.png: a page would fetch it"),
    ],
)
def test_what_leads_nowhere_is_refused(line: str, reason: str, small: Path):
    with (small / "docs" / "index.md").open("a") as page:
        page.write(f"\n{line}\n")
    with pytest.raises(UserError) as raised:
        build_site(small)
    assert reason in str(raised.value)


def test_a_page_outside_the_navigation_is_refused(small: Path):
    (small / "docs" / "lost.md").write_text("# Lost\n")
    (small / "docs" / "other.md").unlink()
    assert not_in_navigation(small) == [
        "docs/lost.md: is not in the navigation: add it to nav in zensical.toml",
        "zensical.toml: nav lists other.md, which is not in docs/",
    ]


def test_links_are_read_as_a_browser_reads_them(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a b.html").write_text('<h2 id="x">X</h2><a href="sub/"></a><a href="mailto:a@b"></a>')
    (tmp_path / "sub" / "index.html").write_text(
        '<a href="../a%20b.html#x"></a><a href="../../out.html"></a>'
    )
    assert broken_references(tmp_path) == ["sub/index.html: ../../out.html: is not in the site"]
