"""Every table and figure of a page as a CSV file."""

import csv
import json
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.io import to_json

from platform.storage.whole_files import write_whole
from reports.page.page import render
from reports.page.page_files import figure_points, file_name, write_page_files


class Names(HTMLParser):
    """The page's captions of tables, how many tables it has, and its figures."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.captions, self.figures = 0, [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.tables += tag == "table"
        if tag == "caption":
            self.captions.append(told["id"].removesuffix("-caption"))
        if "data-spec" in told:
            self.figures.append(told["data-spec"].removeprefix("spec-"))


@pytest.fixture(scope="module")
def written(make_contents, tmp_path_factory):
    """What a page was made of, the page, and the folder of its files, which nobody may change."""
    contents, folder = make_contents(), tmp_path_factory.mktemp("report")
    page = render(contents)
    write_page_files(page.tables, page.figures, folder)
    return contents, page.html, folder


def rows_of(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_table_and_figure_has_its_file_and_no_other_has(written):
    _, page, folder = written
    names = Names(page)
    assert names.tables == len(names.captions) >= 6
    assert {file.name for file in (folder / "tables").iterdir()} == {f"{one}.csv" for one in names.captions}
    figures = {f"{file_name(one)}.csv" for one in names.figures}
    assert {file.name for file in (folder / "figures").iterdir()} == figures
    assert len(figures) == len(names.figures) >= 7


def test_a_table_says_what_the_page_was_made_of(written):
    contents, _, folder = written
    rows = rows_of(folder / "tables" / "ranking.csv")
    assert [float(row["Best"]) for row in rows] == [one.best for one in contents.ranking]
    assert [float(row["optim.lr"]) for row in rows] == [
        one.trial.searched["optim.lr"] for one in contents.ranking
    ]
    ensembles = rows_of(folder / "tables" / "ensembles.csv")
    found = contents.ensembles
    assert [float(row["val/accuracy"]) for row in ensembles] == [
        one.metrics["val/accuracy"] for one in (*found.best, *found.evaluated)
    ]


def test_a_figure_says_where_its_points_are(written):
    contents, _, folder = written
    by_trial = {}
    for row in rows_of(folder / "figures" / "learning-curves.csv"):
        by_trial.setdefault(row["series"], []).append((int(row["x"]), float(row["y"])))
    best = contents.ranking[0].trial
    assert by_trial[f"1. {best.trial_id}"] == best.history["val/accuracy"]


def test_hostile_names_are_in_the_files_as_they_are(written, hostile):
    _, _, folder = written
    [bad] = rows_of(folder / "tables" / "images.csv")
    assert bad["Image"] == f"cats/{hostile}.jpg"


def test_what_the_page_has_no_more_goes(make_contents, tmp_path):
    for name in ("tables/images.csv", "figures/front.svg", "figures/mine.txt"):
        write_whole(tmp_path / name, "of a page before")
    page = render(make_contents(trials=2, bad_images=[]))
    write_page_files(page.tables, page.figures, tmp_path)
    assert not (tmp_path / "tables" / "images.csv").exists()
    assert not (tmp_path / "figures" / "front.svg").exists()
    assert (tmp_path / "figures" / "mine.txt").exists(), "which no report wrote"
    assert (tmp_path / "tables" / "ranking.csv").exists()


def spec_of(*traces):
    return json.loads(to_json(go.Figure(list(traces))))


def rows_in(frame):
    return [list(frame), *frame.values.tolist()]


def test_a_heat_map_has_a_row_a_cell():
    spec = spec_of(go.Heatmap(x=["a", "b"], y=["c"], z=[[0.25, 0.5]], text=[["25 %", "50 %"]]))
    assert rows_in(figure_points(spec)) == [["x", "y", "value"], ["a", "c", 0.25], ["b", "c", 0.5]]


def test_packed_numbers_gaps_and_missing_values_are_read():
    packed = go.Scatter(x=np.array([1.0, 2.0]), y=np.array([0.5, 0.25]), name="a &lt; b")
    gaps = go.Bar(x=[3, None, 4], y=[None, None, 7], error_y={"type": "data", "array": [0.1, 0.0, 0.2]})
    assert figure_points(spec_of(packed, gaps)).to_csv(index=False).splitlines() == [
        "series,x,y,y_error",
        "a < b,1.0,0.5,",
        "a < b,2.0,0.25,",
        ",3,,0.1",
        ",4,7,0.2",
    ]


def test_a_file_is_named_after_what_it_shows_in_any_file_system():
    assert file_name("parameter-optim.lr") == "parameter-optim.lr"
    assert "/" not in file_name("parameter-a/b") and file_name("a/b") != file_name("a_b")
