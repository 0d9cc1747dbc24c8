"""Figures of all searched parameters together: importance and parallel coordinates."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from platform.config.ranges import NumberRange
from platform.config.space import Parameter, Space
from platform.tuning.search.importance import LEAST_TOP, Importance
from reports.findings.branches import Branch
from reports.findings.top_tenth import top_tenth
from reports.page.figures import MUTED, SERIES, TEXT, Figure, finish, plain, short
from reports.ranking.rank import number, parameter

_ROW = 26  # px of a bar
_LEFT = 190  # px for names before the bars


def importance_figure(found: Sequence[Importance], metric: str) -> Figure | None:
    """PED-ANOVA importances as bars, marked with the chance level. None if there are too few trials."""
    known = [one for one in found if one.ped_anova is not None]
    if not known:
        return None
    names = [plain(one.parameter.name) for one in known]
    figure = go.Figure()
    for matters in (True, False):
        figure.add_trace(
            go.Bar(
                x=[one.ped_anova for one in known if one.matters == matters],
                y=[name for name, one in zip(names, known, strict=True) if one.matters == matters],
                orientation="h",
                name="more than chance" if matters else "no more than chance",
                marker={"color": SERIES[0] if matters else MUTED},
                hovertemplate="%{y}: %{x:.4f}<extra></extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[one.chance for one in known],
            y=names,
            mode="markers",
            name="95% of shuffled trials stay below",
            marker={"symbol": "line-ns-open", "size": 14, "color": TEXT, "line": {"width": 2}},
            hovertemplate="%{y}: chance gives up to %{x:.4f}<extra></extra>",
        )
    )
    figure.update_layout(barmode="overlay")
    height = 110 + _ROW * len(known)
    caption = (
        f"How much each parameter decides whether a trial is among the best by {metric} (PED-ANOVA: the best "
        f"tenth, at least {LEAST_TOP}, against all). A bar that ends before its mark may be due to chance."
    )
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1])
    figure.update_yaxes(tickvals=names, ticktext=[_shown(one.parameter) for one in known])
    return finish(figure, "importance", caption, x="importance", y="parameter", height=height, left=_LEFT)


def parallel_coordinates(space: Space, ranked: Sequence[Branch], metric: str) -> Figure | None:
    """One line per trial through its parameters to the metric, the best tenth in colour.

    None for fewer than two trials. A line skips parameters that its trial did not draw.
    """
    axes = [one for one in space.parameters() if _is_drawn(one, ranked)]
    if len(ranked) < 2 or not axes:
        return None
    reached = [one.ranked.best for one in ranked]
    low, high = min(reached), max(reached)
    columns = [_axis(one, ranked) for one in axes]
    columns.append(([_place(value, low, high) for value in reached], [number(value) for value in reached]))
    names = [*(_shown(one) for one in axes), plain(metric)]
    top = top_tenth(len(ranked))
    figure = go.Figure()
    for is_top in (False, True):
        chosen = range(top) if is_top else range(top, len(ranked))
        figure.add_trace(_lines(ranked, chosen, columns, is_top))
    ends = [(0.0, number(low)), (1.0, number(high))]
    for place, marks in enumerate([*(_marks(one) for one in axes), ends]):
        for height, text in marks:
            figure.add_annotation(_mark(place, height, text))
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.4, len(names) - 0.4])
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.12, 1.12])
    caption = (
        "Each line is a trial, from its parameters to the metric. The best tenth (at least three) is in "
        "colour. A line skips parameters that the trial did not draw. Point at it to see the values."
    )
    return finish(figure, "parallel-coordinates", caption, x="", y="", height=420)


def _lines(
    ranked: Sequence[Branch],
    chosen: range,
    columns: Sequence[tuple[list[float | None], list[str]]],
    is_top: bool,
) -> go.Scatter:
    """The ``chosen`` trials as one trace, separated by gaps."""
    names = [f"{one.ranked.rank}. {one.ranked.trial.trial_id}" for one in ranked]
    x: list[int | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for index in chosen:
        for place, (places, texts) in enumerate(columns):
            if places[index] is not None:
                x.append(place)
                y.append(places[index])
                text.append(plain(f"{names[index]}: {texts[index]}"))
        x.append(None)
        y.append(None)
        text.append("")
    return go.Scatter(
        x=x,
        y=y,
        text=text,
        name="best tenth" if is_top else "others",
        mode="lines+markers",
        line={"color": SERIES[0] if is_top else MUTED, "width": 2.2 if is_top else 0.8},
        marker={"size": 6 if is_top else 3},
        hovertemplate="%{text}<extra></extra>",
    )


def _axis(one: Parameter, ranked: Sequence[Branch]) -> tuple[list[float | None], list[str]]:
    """Each trial's place in [0, 1], None if it did not draw the parameter, and its value as text."""
    values = [branch.parameters.get(one.name) for branch in ranked]
    had = [one.name in branch.parameters for branch in ranked]
    places = [_on_axis(value, one) if is_had else None for value, is_had in zip(values, had, strict=True)]
    return places, [f"{one.path} {parameter(value)}" for value in values]


def _on_axis(value: Any, one: Parameter) -> float:
    if isinstance(one.range, NumberRange):
        low, high = one.range.low, one.range.high
        if one.range.is_log:
            return _place(math.log(value), math.log(low), math.log(high))
        return _place(value, low, high)
    labels = [repr(label) for label in one.range.labels]
    return _place(labels.index(repr(value)), 0, len(labels) - 1)


def _place(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _marks(one: Parameter) -> list[tuple[float, str]]:
    """Heights and labels of an axis: the ends of a range, or every option."""
    if isinstance(one.range, NumberRange):
        return [(0.0, parameter(one.range.low)), (1.0, parameter(one.range.high))]
    return [(_on_axis(label, one), parameter(label)) for label in one.range.labels]


def _mark(place: int, height: float, text: str) -> dict[str, Any]:
    """A label below, above or, in between, beside an axis."""
    aside = {"xshift": 6, "xanchor": "left"} if 0 < height < 1 else {"yshift": 12 if height else -12}
    font = {"size": 11, "color": "var(--muted)"}
    return {"x": place, "y": height, "text": plain(short(text)), "showarrow": False, "font": font} | aside


def _is_drawn(one: Parameter, ranked: Sequence[Branch]) -> bool:
    """Whether trials differ in it."""
    return len({repr(branch.parameters[one.name]) for branch in ranked if one.name in branch.parameters}) > 1


def _shown(one: Parameter) -> str:
    """The name in the space, which says below which option a parameter stands."""
    return plain(short(one.name))
