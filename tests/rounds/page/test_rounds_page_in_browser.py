"""The page across rounds in a headless Chromium: quiet, and no wider than its window."""

import pytest

from platform.rounds.page.page import write_page
from platform.rounds.plan.load_rounds import LoadedRounds
from tests.rounds.made_rounds import made_book, made_config


@pytest.mark.parametrize(("width", "scheme", "shown"), [(1280, "dark", "wide"), (390, "light", "narrow")])
def test_the_page_fits_its_window_and_says_nothing_to_the_console(chromium, tmp_path, width, scheme, shown):
    config = made_config(state=str(tmp_path))
    plan = LoadedRounds(tmp_path / "birds.yaml", config, None, None, None)
    file = write_page(plan, made_book(True, False))
    noise = []
    page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("request", lambda request: noise.extend([] if request.url == file.as_uri() else [request.url]))
    page.goto(file.as_uri())
    assert "Round 2 is the best" in page.locator("h1").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wider = "[...document.querySelectorAll('.table')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert page.evaluate(wider) == 0, "a table is wider than the window"
    assert page.locator(f"svg.{shown}:visible").count() == page.locator("svg:visible").count() == 1
    assert page.locator("td.best").inner_text() == "2 best"
    page.close()
    assert noise == []
