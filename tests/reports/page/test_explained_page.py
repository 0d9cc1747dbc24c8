"""What explains a sweep, on the page: escaped, counted, filtered; and in a report of a real sweep."""

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from platform.config.ranges import Choice, NumberRange
from platform.config.space import Space
from platform.datasets.images.image_stores import DenseImages
from platform.tuning.search.importance import JudgedTrial, importances
from reports.findings.branches import Branch
from reports.findings.classes import EXAMPLES, PAIRS, Bin, ClassAccuracy, ClassFindings, Confusion
from reports.findings.classes import FILE as CLASSES
from reports.findings.suspect_precision import Caught
from reports.findings.suspects import FILE as SUSPECTS
from reports.findings.suspects import SHOWN, Shown, Suspects
from reports.findings.thumbnails import thumbnail
from reports.findings.top_tenth import shared_values
from reports.findings.what_mattered import WhatMattered
from reports.page.page import render
from reports.sweeps.contents import Explained

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


class Images(HTMLParser):
    """The page's images, and whatever would run by an attribute."""

    def __init__(self, page):
        super().__init__()
        self.images, self.handlers = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "img":
            self.images.append(dict(attrs))


@pytest.fixture(scope="module")
def contents(make_contents, hostile):
    """A report with everything that explains, and hostile names in all of it."""
    made = make_contents(trials=40)
    return replace(made, what_mattered=mattered(made.ranking, hostile), explained=explained(hostile))


def mattered(ranking, hostile):
    space = Space(
        {
            "optim": {"lr": NumberRange("loguniform", 1e-4, 1.0)},
            "rank_by": Choice(("loss", hostile), ("loss", hostile)),
        }
    )
    ranked = [
        Branch(one, {"optim.lr": 0.98 ** (place + 1), "rank_by": ("loss", hostile)[place % 2]})
        for place, one in enumerate(ranking)
    ]
    judged = [JudgedTrial(one.parameters, one.ranked.best, is_whole=True) for one in ranked]
    return WhatMattered(space, ranked, 1, importances(space, judged, "max"), shared_values(space, ranked))


def explained(hostile):
    classes = ClassFindings(
        "0002",
        "clean",
        [ClassAccuracy(hostile, 80, 10, 0.5, 5), ClassAccuracy("b", 2, 10, 1.0, 15)],
        [Confusion(hostile, "b", 4, 1, 20, [(PIXEL, f"{hostile}, predicted as b")])],
        [Bin(0.4, 0.5, 10), Bin(0.9, 0.8, 10)],
    )
    shown = [
        Shown(f"cats/{hostile}.jpg", hostile, "b", 3, "b", PIXEL),
        Shown("dogs/1.jpg", "b", "c", 2, "b", PIXEL),
    ]
    table = pd.DataFrame({"path": [one.path for one in shown]})
    suspects = Suspects(table, 10, ("0002", "0004", "0001"), ("0003",), Caught(2, 1, 4, 1, 10), shown)
    return Explained(classes, suspects)


@pytest.fixture(scope="module")
def page(contents):
    return render(contents).html


def test_hostile_names_stay_text_and_pictures_are_in_the_page(page, hostile):
    found = Images(page)
    assert found.handlers == []
    assert [one["src"] for one in found.images] == [PIXEL] * 3
    assert found.images[1]["alt"] == f"cats/{hostile}.jpg"
    assert f"<strong>{hostile}" not in page
    assert html.escape(hostile).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page


def test_figures_data_can_end_no_script(page):
    specs = dict(re.findall(r'<script type="application/json" id="([^"]*)">(.*?)</script>', page, re.DOTALL))
    made = {"importance", "parallel-coordinates", "accuracy-by-class", "reliability"}
    assert {f"spec-{name}" for name in made} <= specs.keys()
    for content in specs.values():
        assert "<" not in content
        json.loads(content)


def test_what_a_list_of_suspects_is_worth_is_said(page):
    assert "2 of 10 labelled training images (20.0%) are predicted as one other class" in page
    assert "No record of 0003 could be read." in page
    assert "50.0% of the listed labels are wrong (precision), and 25.0% of the 4 wrong labels" in page


def test_a_list_that_is_chance_is_not_on_the_page(contents):
    found = contents.explained.suspects
    withheld = replace(found, withheld="The list is guessed", shown=[])
    page = render(replace(contents, explained=replace(contents.explained, suspects=withheld))).html
    assert "The list is guessed. They are not listed" in page
    assert 'id="suspects-gallery"' not in page
    assert "(precision)" not in page


def test_an_estimated_precision_is_called_one(contents):
    estimated = replace(contents.explained.suspects, caught=None, estimate=0.634)
    page = render(replace(contents, explained=replace(contents.explained, suspects=estimated))).html
    assert "about 63% of the labels that these trials reject are wrong (precision, estimated)" in page


def test_a_line_skips_the_axis_of_what_a_trial_did_not_draw(contents):
    found = contents.what_mattered
    alone = [*found.ranked[:-1], replace(found.ranked[-1], parameters={"rank_by": "loss"})]
    page = render(replace(contents, what_mattered=replace(found, ranked=alone))).html
    [spec] = re.findall(r'id="spec-parallel-coordinates">(.*?)</script>', page, re.DOTALL)
    best, others = (trace for trace in reversed(json.loads(spec)["data"]))
    assert best["x"].count(0) == 4, "the tenth of 40, some of which failed"
    assert others["x"].count(0) == others["x"].count(1) - 1


def test_too_few_trials_get_a_sentence_and_no_numbers(make_contents, hostile):
    made = make_contents(trials=12)
    page = render(replace(made, what_mattered=mattered(made.ranking, hostile))).html
    assert f"is unknown: {len(made.ranking)} ranked trials are too few" in page
    assert 'id="importance-caption"' not in page


def test_a_real_sweeps_report_has_its_classes_and_suspects(reported):
    sweep, report = reported
    page = report.page.read_text()
    assert 'id="suspects-gallery"' in page
    assert "True labels are known here" in page
    assert "ranked trials are too few" in page
    suspects = pd.read_csv(sweep.folder.report / SUSPECTS, dtype=str)
    assert (suspects["label"] != suspects["preferred"]).all()
    classes = pd.read_csv(sweep.folder.report / CLASSES)
    assert len(classes) == 10 and classes["accuracy"].isna().sum() == 1, (
        "the rarest has no image of validation"
    )
    assert classes["accuracy"].dropna().between(0, 1).all()


@pytest.fixture(scope="module")
def large_page(make_contents, hostile):
    """200 trials of 100 epochs, and as many pictures as a page shows, of noise, which nothing compresses."""
    made = make_contents(trials=200)
    long = {one.trial_id: _longer(one, 100) for one in made.sweep.trials}
    ranking = [replace(one, trial=long[one.trial.trial_id]) for one in made.ranking]
    noise = np.random.default_rng(0).integers(0, 256, (SHOWN + PAIRS * EXAMPLES, 96, 96, 3), dtype=np.uint8)
    pictures = iter([thumbnail(DenseImages(noise), row) for row in range(len(noise))])
    found = explained(hostile)
    suspects = [
        replace(found.suspects.shown[place % 2], path=f"{place}.jpg", picture=next(pictures))
        for place in range(SHOWN)
    ]
    confusions = [
        replace(found.classes.confusions[0], pictures=[(next(pictures), hostile) for _ in range(EXAMPLES)])
        for _ in range(PAIRS)
    ]
    return render(
        replace(
            made,
            sweep=replace(made.sweep, trials=list(long.values())),
            ranking=ranking,
            what_mattered=mattered(ranking, hostile),
            explained=Explained(
                replace(found.classes, confusions=confusions), replace(found.suspects, shown=suspects)
            ),
        )
    ).html


def _longer(trial, epochs):
    """The same course of every metric, over more epochs, but of a trial that was stopped early."""
    if trial.outcome != "finished":
        return trial
    history = {
        name: [(epoch, course[(epoch - 1) * len(course) // epochs][1]) for epoch in range(1, epochs + 1)]
        for name, course in trial.history.items()
    }
    return replace(trial, history=history)


def test_a_page_of_200_trials_has_at_most_15_megabytes(large_page):
    assert len(large_page.encode()) <= 15_000_000


def test_a_page_of_200_trials_opens_soon(chromium, large_page, tmp_path):
    """Two seconds are meant, as on an idle machine; a slow or busy one is given four times that."""
    (tmp_path / "index.html").write_text(large_page, encoding="utf-8")
    took_ms = []
    for _ in range(3):  # the machine may be busy with something else
        opened = chromium.new_page(viewport={"width": 1280, "height": 900})
        opened.goto((tmp_path / "index.html").as_uri(), wait_until="load")
        opened.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        took_ms.append(opened.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        opened.close()
    assert min(took_ms) < 8000, took_ms


def test_all_that_can_be_clicked_is_clicked_and_nothing_is_said_on_the_console(
    chromium, large_page, tmp_path
):
    (tmp_path / "index.html").write_text(large_page, encoding="utf-8")
    noise = []
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.goto((tmp_path / "index.html").as_uri())
    rows = opened.locator("#ranking-table tbody tr").count()
    opened.locator("details.columns summary").click()
    for box in opened.locator("details.columns input").all():
        box.check()
    for table in opened.locator("table").all():
        count = table.locator("tbody tr").count()
        for heading in table.locator("thead th:has(button)").all():
            for direction in ("ascending", "descending"):
                heading.get_by_role("button").click()
                assert heading.get_attribute("aria-sort") == direction
        assert table.locator("tbody tr").count() == count > 0
    for choice in opened.locator("form.filter select").all():
        for value in choice.locator("option").evaluate_all("all => all.map(one => one.value)"):
            choice.select_option(value)
            shown = opened.locator("#ranking-table tbody tr:visible").count()
            assert 0 < shown <= rows and (value != "" or shown == rows)
        choice.select_option("")
    opened.locator("#suspects-filter").fill("b")
    assert opened.locator("#suspects-gallery li:visible").count() == SHOWN
    opened.locator("#suspects-filter").fill("alert(1)")
    assert opened.locator("#suspects-gallery li:visible").count() == SHOWN // 2
    opened.close()
    assert noise == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_gallery_is_filtered_and_nothing_is_said_on_the_console(chromium, page, tmp_path, scheme):
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    noise = []
    opened = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    opened.goto((tmp_path / "index.html").as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    for name in ("importance", "parallel-coordinates", "accuracy-by-class", "reliability"):
        plot = opened.locator(f"[data-spec='spec-{name}']")
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    opened.locator("#suspects-filter").fill("ALERT(1)")
    assert opened.locator("#suspects-gallery li:visible").count() == 1
    assert opened.locator("#suspects-gallery-count").inner_text() == "1 of 2"
    opened.locator("#suspects-filter").fill("")
    assert opened.locator("#suspects-gallery li:visible").count() == 2
    opened.locator("#confusions-caption ~ thead button").first.click()
    opened.close()
    assert noise == []
