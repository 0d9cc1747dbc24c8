"""Figures as SVG files, drawn without a browser."""

import json
from xml.etree import ElementTree

import plotly.graph_objects as go
import pytest
from plotly.io import to_json

from reports.page.ensemble_figures import DASHES
from reports.page.figure_svg import svg
from reports.page.figures import MUTED, SERIES, finish
from reports.page.page import render
from reports.page.page_files import PageParts

SVG = "{http://www.w3.org/2000/svg}"


def spec_of(*traces, x="across", y="up", **layout):
    figure = go.Figure(list(traces))
    figure.update_layout(**layout)
    return json.loads(finish(figure, "figure", "A figure.", x=x, y=y).spec)


def words_of(content):
    return [one.text for one in ElementTree.fromstring(content).iter(f"{SVG}text")]


def points_of(content):
    """How many marks of the first series there are; those of axes have another colour."""
    marks = ElementTree.fromstring(content).iter(f"{SVG}use")
    return sum("stroke: #0b6e99" in one.get("style", "") for one in marks)


def test_every_figure_of_a_page_is_drawn_with_its_axes_named(make_contents):
    figures = PageParts(render(make_contents())).figures
    assert len(figures) >= 7
    for spec in figures.values():
        words = words_of(svg(spec))
        titles = [spec["layout"][f"{one}axis"]["title"]["text"] for one in "xy"]
        assert {title for title in titles if title} <= set(words)


def test_the_same_figure_gives_the_same_bytes(make_contents):
    spec = PageParts(render(make_contents())).figures["learning-curves"]
    assert svg(spec) == svg(spec)


def test_names_stay_text_and_are_no_formulas(hostile):
    name = f"{hostile} $x^2$ _a"
    trace = go.Bar(x=[1, 2], y=["&lt;b&gt;", "$y_1$"], orientation="h", marker={"color": SERIES[0]}, name="n")
    content = svg(
        spec_of(
            trace, go.Scatter(x=[1], y=["$y_1$"], marker={"color": MUTED}, mode="markers", name="m"), x=name
        )
    )
    words = words_of(content)
    assert {"<b>", "$y_1$", "n", "m"} <= set(words)
    assert any("$x^2$ _a" in one for one in words)
    assert not [one for one in ElementTree.fromstring(content).iter() if one.tag.endswith(("script", "img"))]


def test_names_in_any_script_are_drawn_without_a_word():
    trace = go.Bar(x=[1], y=["猫"], orientation="h", marker={"color": SERIES[0]})
    assert "猫" in words_of(svg(spec_of(trace)))


@pytest.mark.parametrize("x", [[1, 10, 100], ["a", "b", "c"], [None, 2.0, 3.0]])
def test_points_are_all_there_and_gaps_are_not(x):
    line = {"color": SERIES[0], "dash": "dot", "shape": "hv"}
    marker = {"symbol": ["circle", "circle-open", "x"], "size": 8}
    errors = {"type": "data", "array": [0.1, 0.1, 0.1]}
    trace = go.Scatter(x=x, y=[1, 2, 3], mode="lines+markers", line=line, marker=marker, error_y=errors)
    assert points_of(svg(spec_of(trace))) == sum(one is not None for one in x)


def test_dashes_of_lines_of_one_colour_tell_them_apart():
    def drawn(dash):
        line = {"color": SERIES[0], "dash": dash}
        return svg(spec_of(go.Scatter(x=[1, 2], y=[1, 2], mode="lines", line=line)))

    assert len({drawn(dash) for dash in (*DASHES, "dot")}) == 4


def test_a_heat_map_has_its_words_in_its_cells():
    shades = [[0, "var(--surface)"], [1, SERIES[0]]]
    trace = go.Heatmap(x=["a", "b"], y=["c"], z=[[0.1, 0.2]], text=[["10 %", "20 %"]], colorscale=shades)
    assert {"a", "b", "c", "10 %", "20 %"} <= set(words_of(svg(spec_of(trace))))


def test_colours_are_the_pages_by_light():
    content = svg(spec_of(go.Scatter(x=[1, 2], y=[1, 2], mode="lines", line={"color": SERIES[1]})))
    assert b"#c2571a" in content and b"var(" not in content


def test_another_kind_of_figure_is_named():
    spec = json.loads(to_json(go.Figure(go.Pie(values=[1]), {"height": 300})))
    spec["data"][0] |= {"x": [], "y": []}
    with pytest.raises(ValueError, match="cannot draw a figure's 'pie'"):
        svg(spec)
