"""Figures of trials, as plotly figures whose colours name the page's CSS variables.

The page's script replaces the names with their values, so figures follow the light and dark scheme.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.io import to_json

from platform.tracking.records import SweepRecord, TrialRecord
from reports.ranking.rank import RankedTrial, parameter, searched_names

SERIES = tuple(f"var(--series-{index})" for index in range(1, 6))
MUTED = "var(--muted-line)"
TEXT = "var(--text)"
LABELLED_BELOW = 30
"""Points of a figure have labels if there are fewer than this."""
_LABEL_LENGTH = 30  # characters of a category's name under its axis; pointing at it shows all of it
_FEW_VALUES = 3  # up to so many numbers are drawn as categories: a choice had them, not a range
_CATEGORY_MARGIN = 0.6  # of the distance between two categories
_WIDE_RANGE = 20  # a parameter spread over more than this factor is drawn on a logarithmic axis
_ENDINGS = {
    "pruned": ("stopped early", "x-thin", "var(--muted)"),
    "failed": ("failed", "x", "var(--bad)"),
    "interrupted": ("interrupted", "square-open", "var(--muted)"),
}


@dataclass(frozen=True)
class Figure:
    """``label``: text for screen readers; ``spec``: plotly's JSON; ``height`` in px."""

    name: str
    caption: str
    label: str
    spec: str
    height: int = 360


def learning_curves(sweep: SweepRecord, ranking: Sequence[RankedTrial], metric: str) -> Figure:
    """Every trial's metric by epoch, the five best in colour; marks show early ends and failures."""
    figure = go.Figure()
    best = {one.trial.trial_id: one for one in ranking[: len(SERIES)]}
    for trial in sweep.trials:
        if trial.trial_id not in best:
            figure.add_trace(_curve(trial, metric, trial.trial_id, MUTED, width=1.2, legendrank=None))
    for one in reversed(best.values()):
        name = f"{one.rank}. {one.trial.trial_id}"
        colour = SERIES[one.rank - 1]
        figure.add_trace(_curve(one.trial, metric, name, colour, width=2.5, legendrank=one.rank))
    for outcome in _ENDINGS:
        ends = [
            (*trial.history[metric][-1], trial.trial_id)
            for trial in sweep.trials
            if trial.outcome == outcome and trial.history.get(metric)
        ]
        if ends:
            figure.add_trace(_endings(outcome, ends))
    return finish(
        figure,
        "learning-curves",
        f"{metric} after each epoch. The best trials are in colour, the others in grey.",
        x="epoch",
        y=metric,
        height=440,
    )


def parameters(ranking: Sequence[RankedTrial], metric: str) -> list[Figure]:
    """Each trial's best metric against each searched parameter that has at least two values."""
    drawn = (_parameter(name, ranking, metric) for name in searched_names(ranking))
    return [figure for figure in drawn if figure is not None]


def over_epochs(
    trial: TrialRecord, lines: Mapping[str, str], *, name: str, caption: str, y: str
) -> Figure | None:
    """Metrics of one trial by epoch; ``lines`` maps metrics to shown names. None if the trial has none."""
    figure = go.Figure()
    shown = [metric for metric in lines if trial.history.get(metric)]
    for place, (metric, colour) in enumerate(zip(shown, SERIES * 4, strict=False)):
        figure.add_trace(_curve(trial, metric, lines[metric], colour, width=2.5, legendrank=place))
    return finish(figure, name, caption, x="epoch", y=y) if shown else None


def given_against_clean(ranking: Sequence[RankedTrial], given: str, clean: str) -> Figure | None:
    """Accuracy on given labels against accuracy on clean labels, each trial in its best epoch."""
    pairs = [
        (dict(one.trial.history[given])[one.best_epoch], dict(one.trial.history[clean])[one.best_epoch], one)
        for one in ranking
        if one.best_epoch in dict(one.trial.history.get(given, []))
        and one.best_epoch in dict(one.trial.history.get(clean, []))
    ]
    if len(pairs) < 2:
        return None
    figure = go.Figure(
        go.Scatter(
            x=[pair[0] for pair in pairs],
            y=[pair[1] for pair in pairs],
            text=[plain(f"{one.rank}. {one.trial.trial_id}") for _, _, one in pairs],
            **labelled([trial_label(one.trial.trial_id) for _, _, one in pairs], points=len(pairs)),
            marker={"size": 9, "color": SERIES[0]},
            hovertemplate="%{text}: %{x:.4f} on given, %{y:.4f} on clean labels<extra></extra>",
        )
    )
    return finish(
        figure,
        "given-against-clean",
        "Each trial in its best epoch: accuracy on the given against accuracy on the clean validation "
        "labels. If the points rise together, the noisy labels select the right trial.",
        x="accuracy on given labels",
        y="accuracy on clean labels",
    )


def _endings(outcome: str, ends: Sequence[tuple[int, float, str]]) -> go.Scatter:
    """A mark where each of these trials (epoch, value, name) ended."""
    words, symbol, colour = _ENDINGS[outcome]
    return go.Scatter(
        x=[epoch for epoch, _, _ in ends],
        y=[value if math.isfinite(value) else None for _, value, _ in ends],
        text=[plain(trial_id) for _, _, trial_id in ends],
        mode="markers",
        name=words,
        legendrank=len(SERIES) + 1,
        marker={"symbol": symbol, "color": colour, "size": 8, "line": {"color": colour, "width": 2}},
        hovertemplate="%{text} " + words + " in epoch %{x}: %{y:.4f}<extra></extra>",
    )


def _parameter(name: str, ranking: Sequence[RankedTrial], metric: str) -> Figure | None:
    having = [one for one in ranking if name in one.trial.searched]
    values = [one.trial.searched[name] for one in having]
    shown = {parameter(value) for value in values}
    if len(shown) < 2:
        return None
    numbers = [value for value in values if isinstance(value, int | float) and _is_number(value)]
    is_scale = len(numbers) == len(values) and len(shown) > _FEW_VALUES
    figure = go.Figure()
    for is_finished in (True, False):
        points = [one for one in having if (one.trial.outcome == "finished") == is_finished]
        names = [trial_label(one.trial.trial_id) for one in points]
        labels = labelled(names, points=len(having))
        figure.add_trace(_points(points, name, is_scale, is_finished, labels))
    figure.update_layout(showlegend=False)
    if is_scale:
        is_wide = min(numbers) > 0 and max(numbers) / min(numbers) > _WIDE_RANGE
        figure.update_xaxes(
            {"type": "log", "dtick": 1, "exponentformat": "power"} if is_wide else {"type": "linear"}
        )
    else:
        order = sorted(set(numbers)) if len(numbers) == len(values) else sorted(shown)
        names = [plain(parameter(value)) for value in order]
        ends = [-_CATEGORY_MARGIN, len(names) - 1 + _CATEGORY_MARGIN]
        figure.update_xaxes(type="category", categoryarray=names, range=ends, showgrid=False)
        figure.update_xaxes(tickvals=names, ticktext=[plain(short(parameter(value))) for value in order])
    return finish(figure, f"parameter-{name}", name, x="", y=metric, height=260)


def _points(
    having: Sequence[RankedTrial],
    name: str,
    is_numeric: bool,
    is_finished: bool,
    labels: Mapping[str, Any],
) -> go.Scatter:
    """Trials as points, hollow if they ended early."""
    values = [one.trial.searched[name] for one in having]
    words = "" if is_finished else " (not all epochs)"
    return go.Scatter(
        x=values if is_numeric else [plain(parameter(value)) for value in values],
        y=[one.best for one in having],
        text=[plain(f"{one.rank}. {one.trial.trial_id}{words}") for one in having],
        **labels,
        marker={
            "size": 9,
            "symbol": "circle" if is_finished else "circle-open",
            "color": SERIES[0],
            "opacity": 0.85,
            "line": {"width": 1.5, "color": SERIES[0]},
        },
        hovertemplate="%{text}<br>%{x}: %{y:.4f}<extra></extra>",
    )


def _curve(
    trial: TrialRecord, metric: str, name: str, colour: str, *, width: float, legendrank: int | None
) -> go.Scatter:
    """``legendrank``: the line's place in the legend; None keeps it out."""
    points = trial.history.get(metric, [])
    return go.Scatter(
        x=[epoch for epoch, _ in points],
        y=[value if math.isfinite(value) else None for _, value in points],
        name=plain(name),
        mode="lines+markers" if len(points) == 1 else "lines",
        line={"color": colour, "width": width},
        showlegend=legendrank is not None,
        legendrank=legendrank,
        hovertemplate=f"{plain(name)}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    )


def finish(
    figure: go.Figure, name: str, caption: str, *, x: str, y: str, height: int = 360, left: int = 64
) -> Figure:
    """Apply the common layout; ``x`` and ``y`` name the axes, ``left`` is the left margin in px."""
    axis = {
        "gridcolor": "var(--grid)",
        "linecolor": "var(--grid)",
        "zeroline": False,
        "title": {"standoff": 12, "font": {"size": 13}},
    }
    # Labels may only push downwards: where they change the width too, which wraps the legend, plotly goes
    # round in circles.
    figure.update_xaxes(**axis, title_text=plain(x), automargin="height")
    figure.update_yaxes(**axis, title_text=plain(y))
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": left, "r": 12, "t": 12, "b": 48 if x else 28},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": TEXT, "size": 13},
        hoverlabel={"bgcolor": "var(--surface)", "font": {"color": TEXT}},
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    label = f"{caption} Horizontal: {x or name}; vertical: {y}."
    return Figure(name, caption, label, to_json(figure), height)


def labelled(names: Sequence[str], *, points: int) -> dict[str, Any]:
    """A scatter's settings that write a name above each point, if the figure has few ``points`` in all."""
    if points >= LABELLED_BELOW:
        return {"mode": "markers"}
    return {
        "mode": "markers+text",
        "customdata": [plain(short(name)) for name in names],
        "texttemplate": "%{customdata}",
        "textposition": "top center",
        "textfont": {"size": 10, "color": "var(--muted)"},
        "cliponaxis": False,
    }


def trial_label(trial_id: str) -> str:
    """ "3" for 0003, "peer/3" for peer/0003."""
    sweep, slash, number = trial_id.rpartition("/")
    return f"{sweep}{slash}{number.lstrip('0') or '0'}"


def plain(text: str) -> str:
    """Escape text that plotly would read as tags or placeholders."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")


def short(text: str) -> str:
    """Cut to what fits under an axis."""
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 1]}…"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
