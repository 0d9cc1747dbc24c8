"""What the page, trials.csv and the confirmations show of several goals."""

import json
import re
from dataclasses import replace

import pytest

from platform.tracking.records import TrialRecord
from platform.tuning.goals import Goal
from reports.page.page import render
from reports.ranking.confirmation import confirmation
from reports.ranking.pareto import pareto
from reports.ranking.trials_table import trials_table

GOALS = (Goal("val/accuracy", "max"), Goal("train/drop_rate", "min"))


@pytest.fixture(scope="module")
def contents(make_contents):
    """The hostile sweep, judged by a second goal."""
    made = make_contents()
    ranking, found = pareto(made.ranking, GOALS, "best", {"val/accuracy": 20.0})
    return replace(made, ranking=ranking, pareto=found)


@pytest.fixture(scope="module")
def page(contents):
    return render(contents).html


def test_the_table_has_every_goal_with_its_error_and_who_stands_where(page, contents):
    assert '<h2 id="ranking-title">Pareto front</h2>' in page
    table = page[page.index('aria-labelledby="ranking-caption"') :]
    rows = re.findall(r"<tr.*?</tr>", table[: table.index("</table>")], re.DOTALL)
    head = rows[0].replace("<wbr>", "")
    assert "Standing" in head and "train/drop_rate" in head and "Mean of last 3" not in head
    assert len(rows) == 1 + len(contents.ranking)
    chosen = [row for row in rows if 'class="chosen"' in row]
    assert len(chosen) == len(contents.pareto.front) > 1
    assert all("on the front" in row and "±" in row for row in chosen)
    assert any("beaten by " in row for row in rows)


def test_the_figure_has_the_front_the_others_and_the_line_between(page, contents):
    [spec] = re.findall(r'id="spec-pareto-front">(.*?)</script>', page, re.DOTALL)
    beaten, on_front, line = json.loads(spec)["data"]
    assert (beaten["name"], on_front["name"], line["mode"]) == ("beaten", "on the front", "lines")
    assert len(on_front["x"]) == len(contents.pareto.front)
    assert len(on_front["x"]) + len(beaten["x"]) == len(contents.ranking)
    assert line["line"]["shape"] == "vh" and list(on_front["x"]) == sorted(on_front["x"])


def test_the_saved_figure_has_the_front_and_the_others(chromium, page, tmp_path):
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    opened.goto((tmp_path / "index.html").as_uri())
    plot = opened.locator("[data-spec='spec-pareto-front']")
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for()
    plot.hover()
    with opened.expect_download() as saved:
        plot.locator("[data-title='Save as SVG']").click()
    saved.value.save_as(tmp_path / "front.svg")
    drawn = (tmp_path / "front.svg").read_text(encoding="utf-8")
    assert all(words in drawn for words in ("on the front", "beaten", "train/drop_rate"))
    opened.close()


def test_the_summary_begins_with_the_front(page):
    first = page.index("Pareto front: ")
    assert first < page.index("Best single trial by val/accuracy: ")
    assert "On the Pareto front" in page


def test_trials_csv_says_who_is_on_the_front_and_who_beats_the_others(contents):
    table = trials_table(contents.sweep, contents.ranking, "val/accuracy", (), contents.pareto)
    assert list(table)[:6] == [
        *("rank", "trial", "front", "beaten_by", "goal val/accuracy", "goal train/drop_rate")
    ]
    on_front = table[table["front"].fillna(False)]
    assert list(on_front["trial"]) == [place.trial for place in contents.pareto.front]
    assert on_front["beaten_by"].isna().all()
    beaten = table[table["beaten_by"].notna()]
    assert set(beaten["beaten_by"]) <= set(on_front["trial"])


def repeat(of, nth, accuracy, drop_rate):
    history = {"val/accuracy": [(1, accuracy)], "train/drop_rate": [(1, drop_rate)]}
    name = f"{of}-seed-{nth}"
    return TrialRecord(f"run-{name}", name, 1, "finished", {}, {}, confirms=of, history=history)


def test_other_seeds_confirm_every_goal(contents):
    told = {
        "0001": [(0.9, 0.4), (0.8, 0.2)],
        "0002": [(0.7, 0.2), (0.6, 0.1)],
        "0003": [(0.5, 0.3), (0.5, 0.3)],
    }
    trials = [
        repeat(of, nth, *values) for of, found in told.items() for nth, values in enumerate(found, start=1)
    ]
    found = confirmation(trials, GOALS, "last")
    assert found.front == ("0001", "0002") and found.beside == ("train/drop_rate",)
    assert found.finalists[0].of_goal("train/drop_rate") == "0.3000 ± 0.1000"
    assert found.sentences("val/accuracy")[1] == (
        "By their means over other seeds no finalist beats 0001, 0002 in every goal; 0003 is beaten."
    )
    page = render(replace(contents, confirmation=found)).html
    assert '<td class="number">0.3000 ± 0.1000</td>' in page
