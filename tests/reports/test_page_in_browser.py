"""The page in a headless Chromium, opened as a file: drawn, sorted, themed, quiet."""

import pytest

from reports.page.page import render

TABLE = "table.sortable"


@pytest.fixture(scope="module")
def file(make_contents, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(make_contents(name="<b>bold</b>")), encoding="utf-8")
    return path


@pytest.fixture
def open_page(chromium, file):
    """Opens the page; afterwards it must have said nothing, loaded nothing and asked nothing."""
    opened, noise = [], []

    def open_(**settings):
        page = chromium.new_page(**settings)
        opened.append(page)
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: noise.extend(foreign(request.url, file)))
        page.goto(file.as_uri())
        return page

    yield open_
    for page in opened:
        page.close()
    assert noise == []


def foreign(url, file):
    is_own = url == file.as_uri() or url.startswith(("data:", "blob:"))
    return [] if is_own else [url]


def draw_all(page):
    """Figures are drawn when they come near the window."""
    for plot in page.locator(".plot").all():
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()


def test_figures_are_drawn_and_hostile_names_stay_text(open_page, hostile):
    page = open_page(viewport={"width": 1280, "height": 900})
    draw_all(page)
    assert page.locator(".plot .main-svg").count() >= page.locator(".plot").count() >= 7
    assert page.locator("h1").inner_text() == "<b>bold</b>"
    assert page.locator("img").count() == 0
    assert hostile in page.locator("#images table").inner_text()
    labels = page.locator("[data-spec='spec-parameter-method.rank_by'] .xtick").all_text_contents()
    assert any("<script>alert(1)</script>" in label for label in labels)


def column(page, heading):
    headings = page.locator(f"{TABLE} thead th").all_inner_texts()
    index = next(place for place, text in enumerate(headings) if text.strip().startswith(heading))
    return page.locator(f"{TABLE} tbody tr td:nth-child({index + 1})").all_inner_texts()


def test_a_heading_sorts_its_column_by_mouse_and_by_keyboard(open_page):
    page = open_page()
    heading = page.locator(f"{TABLE} th", has_text="optim.lr")
    button = heading.get_by_role("button")
    button.click()
    ascending = [float(text) for text in column(page, "optim.lr")]
    assert ascending == sorted(ascending)
    assert heading.get_attribute("aria-sort") == "ascending"
    button.focus()
    page.keyboard.press("Enter")
    descending = [float(text) for text in column(page, "optim.lr")]
    assert descending == sorted(descending, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    page.locator(f"{TABLE} th", has_text="Trial").get_by_role("button").click()
    trials = [text.split()[0] for text in column(page, "Trial")]
    assert trials == sorted(trials)
    assert heading.get_attribute("aria-sort") is None


def shown_rows(page):
    return [row for row in page.locator("#ranking-table tbody tr").all() if row.is_visible()]


def test_the_filter_finds_rows_by_words_and_choices_by_keyboard_and_says_how_many(open_page):
    page = open_page()
    rows = len(shown_rows(page))
    page.get_by_label("Filter", exact=True).focus()
    page.keyboard.type("FINISHED 0.1")
    found = [row.inner_text() for row in shown_rows(page)]
    assert 0 < len(found) < rows
    assert all("finished" in text and "0.1" in text for text in found)
    assert page.locator("form.filter output").inner_text() == f"{len(found)} of {rows} trials"
    page.keyboard.press("Enter")
    assert len(shown_rows(page)) == len(found), "nothing is sent anywhere"
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    assert len(shown_rows(page)) == rows
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "outcome"
    page.keyboard.type("stopped")
    pruned = page.locator("#ranking-table tbody tr[data-outcome=pruned]")
    assert len(shown_rows(page)) == pruned.count() > 0
    page.locator("#ranking-table th", has_text="Best").get_by_role("button").click()
    assert len(shown_rows(page)) == pruned.count(), "sorting shows nothing that is filtered out"


def test_a_choice_of_a_hostile_name_is_a_name_like_any_other(open_page, hostile):
    page = open_page()
    page.get_by_label("Backbone").select_option(hostile)
    found = shown_rows(page)
    assert 0 < len(found) == page.locator("#ranking-table tbody tr").count() / 2
    assert all(hostile in row.inner_text() for row in found)


def test_figures_follow_light_and_dark_while_the_page_is_open(open_page):
    page = open_page(color_scheme="light")
    draw_all(page)
    text = page.locator("[data-spec='spec-learning-curves'] .xtitle")
    light = text.evaluate("element => getComputedStyle(element).fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector('.xtitle')).fill !== light", arg=light
    )
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in background[4:-1].split(",")) < 64


def test_at_phone_width_nothing_sticks_out(open_page):
    page = open_page(viewport={"width": 390, "height": 844})
    draw_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    inside = page.locator(".plot .main-svg").evaluate_all(
        "all => all.every(one => one.getBoundingClientRect().right <= innerWidth)"
    )
    assert inside


def test_the_keyboard_reaches_the_summary_first(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the summary"
    page.keyboard.press("Enter")
    assert page.url.endswith("#summary")


def test_a_figure_is_saved_as_a_file_of_its_own_that_scales(open_page, tmp_path):
    page = open_page(viewport={"width": 1280, "height": 900})
    plot = page.locator("[data-spec='spec-learning-curves']")
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    plot.hover()
    with page.expect_download() as saved:
        plot.locator("[data-title^='Download plot']").click()
    assert saved.value.suggested_filename == "learning-curves.svg"
    saved.value.save_as(tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").read_text(encoding="utf-8").startswith("<svg")
