"""The page in a headless Chromium, opened as a file: drawn, sorted, themed, quiet."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from reports.page.page import render

TABLE = "#ranking-table"
SVG = "{http://www.w3.org/2000/svg}"
LIGHT = {"--series-1": "rgb(11, 110, 153)", "--text": "rgb(30, 34, 38)"}
DARK = {"--series-1": "rgb(108, 184, 230)", "--text": "rgb(228, 230, 232)"}


@pytest.fixture(scope="module")
def file(make_contents, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render(make_contents(name="<b>bold</b>")).html, encoding="utf-8")
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


def test_the_columns_that_are_shown_at_first_fit_and_others_can_be_chosen(chromium, make_contents, tmp_path):
    """Nothing scrolls sideways at 1280 px, and the searched parameters are among what is seen."""
    made = make_contents()
    tame = {"config": {"model": {"backbone": "resnet10t"}}}
    ranking = [
        replace(
            one, trial=replace(one.trial, searched=one.trial.searched | {"method.rank_by": "loss"}, **tame)
        )
        for one in made.ranking
    ]
    (tmp_path / "index.html").write_text(render(replace(made, ranking=ranking)).html, encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto((tmp_path / "index.html").as_uri())
    sizes = page.locator(".table:has(#ranking-table)").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert sizes[0] == sizes[1]
    shown = page.locator(f"{TABLE} thead th:visible").all_inner_texts()
    assert {"Trial", "Best", "optim.lr", "method.rank_by", "ema", "Outcome"} <= {
        text.strip() for text in shown
    }
    assert "Last" not in shown
    page.locator("details.columns summary").click()
    page.get_by_label("Last", exact=True).check()
    page.get_by_label("ema", exact=True).uncheck()
    shown = [text.strip() for text in page.locator(f"{TABLE} thead th:visible").all_inner_texts()]
    assert "Last" in shown and "ema" not in shown
    assert len(page.locator(f"{TABLE} tbody tr").first.locator("td:visible").all()) == len(shown)
    page.close()


def test_on_paper_toolbars_are_gone_tables_whole_and_figures_light(open_page):
    page = open_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    draw_all(page)
    page.set_viewport_size({"width": 718, "height": 1000})  # a sheet of A4 between its margins
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for toolbar in ("nav", ".filter", ".columns", ".modebar-container"):
        assert not any(one.is_visible() for one in page.locator(toolbar).all()), toolbar
    tables = page.locator(".table").evaluate_all(
        "all => all.map(one => [one.scrollWidth <= one.clientWidth, one.scrollHeight <= one.clientHeight])"
    )
    assert tables and all(map(all, tables)), tables
    text = page.locator("[data-spec='spec-learning-curves'] .xtitle")
    assert text.evaluate("element => getComputedStyle(element).fill") == LIGHT["--text"]
    inside = page.locator(".plot .main-svg").evaluate_all(
        "all => all.every(one => one.getBoundingClientRect().right <= innerWidth)"
    )
    assert inside
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert text.evaluate("element => getComputedStyle(element).fill") == DARK["--text"]


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
    page.locator("form.filter").get_by_label("Backbone").select_option(hostile)
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


def save(plot, folder):
    """Clicks the figure's button; the name of the file that the browser saves, and its content."""
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    plot.hover()
    with plot.page.expect_download() as saved:
        plot.locator("[data-title='Save as SVG']").click()
    saved.value.save_as(folder / "figure.svg")
    return saved.value.suggested_filename, (folder / "figure.svg").read_text(encoding="utf-8")


def words_of(svg):
    return {"".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_is_saved_as_a_file_in_light_colours_that_scales(open_page, tmp_path, scheme):
    page = open_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    name, svg = save(page.locator("[data-spec='spec-learning-curves']"), tmp_path)
    assert name == "learning-curves.svg"
    assert svg.startswith("<svg")
    assert all(colour in svg for colour in LIGHT.values())
    assert not any(colour in svg for colour in DARK.values()) and "var(" not in svg
    assert {"epoch", "val/accuracy"} <= words_of(svg)


def test_a_saved_figure_shows_what_the_reader_left_visible(open_page, tmp_path):
    page = open_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    plot = page.locator("[data-spec='spec-learning-curves']")
    _, before = save(plot, tmp_path)
    plot.evaluate("plot => Plotly.relayout(plot, {'xaxis.range': [2, 3]})")
    _, after = save(plot, tmp_path)
    assert "4" in words_of(before) and "4" not in words_of(after)
    shown = plot.locator(".xtitle").evaluate("element => getComputedStyle(element).fill")
    assert shown == DARK["--text"], "the page itself stays dark"


def test_every_figure_can_be_saved_and_names_stay_text(open_page, tmp_path, hostile):
    page = open_page(viewport={"width": 1280, "height": 900})
    plots = page.locator(".plot").all()
    saved = {}
    for plot in plots:
        name, svg = save(plot, tmp_path)
        saved[name] = svg
        titles = plot.evaluate("plot => [plot.layout.xaxis.title.text, plot.layout.yaxis.title.text]")
        assert {title for title in titles if title} <= words_of(svg)
        elements = {one.tag for one in ElementTree.fromstring(svg).iter()}
        assert not elements & {f"{SVG}script", f"{SVG}image", f"{SVG}img"}
    assert len(saved) == len(plots) >= 7
    assert any(word.startswith(hostile[:29]) for word in words_of(saved["parameter-method.rank_by.svg"]))


def test_without_javascript_the_page_reads_and_says_what_is_missing(chromium, file):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(f"{TABLE} tbody tr").count() == 10
    assert "Best single trial" in page.locator("#summary").inner_text()
    assert "need JavaScript" in page.locator("noscript").first.inner_text()
    context.close()


def test_a_browser_that_cannot_decompress_says_so_and_still_sorts(chromium, file):
    page = chromium.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    page.get_by_text("This browser cannot draw the figure").first.wait_for()
    page.locator(f"{TABLE} th", has_text="optim.lr").get_by_role("button").click()
    assert page.locator(f"{TABLE} th[aria-sort=ascending]").count() == 1
    page.close()
