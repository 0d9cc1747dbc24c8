"""The page across nights in a headless Chromium: quiet, no wider than its window, and it notices its age."""

from datetime import datetime

import pytest

from platform.nights.page.page import write_page
from tests.nights.made_nights import make_plan
from tests.nights.page.made_book import made_book


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    now = datetime.fromisoformat("2026-11-30T07:00:00+01:00")
    folder = tmp_path_factory.mktemp("nightly")
    return write_page(make_plan(), "digits", made_book(ends_worse=True), folder, now)


@pytest.fixture
def open_page(chromium, file):
    """Opens the page at a time; afterwards it must have said nothing and loaded nothing."""
    opened, noise = [], []

    def open_(now="2026-11-30T08:00:00+01:00", **settings):
        page = chromium.new_page(**settings)
        opened.append(page)
        page.clock.set_fixed_time(datetime.fromisoformat(now))
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on(
            "request", lambda request: noise.extend([] if request.url == file.as_uri() else [request.url])
        )
        page.goto(file.as_uri())
        return page

    yield open_
    for page in opened:
        page.close()
    assert noise == []


@pytest.mark.parametrize(("width", "scheme", "shown"), [(1280, "dark", "wide"), (390, "light", "narrow")])
def test_the_answer_is_on_the_first_screen_and_figures_fit_the_window(open_page, width, scheme, shown):
    page = open_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    box = page.locator(".card.bad .tiles").bounding_box()
    assert "is worse since Thursday, 26 November 2026" in page.locator("h1").inner_text()
    assert box["y"] + box["height"] < 844
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wider = "[...document.querySelectorAll('.table')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(wider) == 0, "a table is wider than the window"
    assert page.locator(f"svg.{shown}:visible").count() == 5
    assert page.locator("svg:visible").count() == 5


def test_a_mark_leads_to_its_night(open_page):
    page = open_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.locator("svg.wide .mark.worse").first.click()
    row = page.locator("tr:target")
    assert row.locator("td").first.inner_text() == "digits@2026-10-25"
    assert row.evaluate("row => row.getBoundingClientRect().top < innerHeight")


def test_a_link_to_a_folded_night_unfolds_it(chromium, tmp_path):
    now = datetime.fromisoformat("2027-01-28T07:00:00+01:00")
    file = write_page(make_plan(), "digits", made_book(120), tmp_path, now)
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(f"{file.as_uri()}#digits@2026-10-05")
    assert page.locator("details.older tr:target").is_visible()
    page.close()


def test_the_page_notices_that_nobody_writes_it(open_page):
    assert not open_page().locator("#stale").is_visible()
    assert open_page(now="2026-12-03T08:00:00+01:00").locator("#stale").is_visible()
