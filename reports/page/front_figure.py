"""The Pareto front: every trial by its first two goals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from reports.page.figures import MUTED, SERIES, Figure, finish, labelled, plain, trial_label
from reports.ranking.pareto import Pareto, Place
from reports.ranking.rank import RankedTrial


def pareto_front(found: Pareto, ranking: Sequence[RankedTrial]) -> Figure:
    """Every trial by the first two goals, with standard errors; a step line joins the front."""
    figure, (x, y) = go.Figure(), found.goals[:2]
    finished = {one.trial.trial_id: one.trial.outcome == "finished" for one in ranking}
    whole = [place for place in found.places.values() if place.on_front or place.beaten_by]
    beaten = [place for place in whole if not place.on_front]
    on_front = sorted(found.front, key=lambda place: place.values[0])
    for places, name, colour in ((beaten, "beaten", MUTED), (on_front, "on the front", SERIES[0])):
        if places:
            labels = labelled([trial_label(place.trial) for place in places], points=len(whole))
            figure.add_trace(_places(places, name, colour, finished, labels))
    if len(found.goals) == 2 and len(on_front) > 1:
        # Nothing that was found lies beyond this line.
        figure.add_trace(
            go.Scatter(
                x=[place.values[0] for place in on_front],
                y=[place.values[1] for place in on_front],
                mode="lines",
                line={"color": SERIES[0], "width": 1.5, "shape": "vh" if x.sign > 0 else "hv"},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    further = "" if len(found.goals) == 2 else " (the table has further goals)"
    caption = (
        f"Every trial by {x} and {y}{further}, with standard errors where they are known. Hollow points "
        "ended early."
    )
    return finish(figure, "pareto-front", caption, x=x.metric, y=y.metric, height=440)


def _places(
    places: Sequence[Place],
    name: str,
    colour: str,
    finished: Mapping[str, bool],
    labels: Mapping[str, Any],
) -> go.Scatter:
    errors = [
        {
            "type": "data",
            "array": [place.errors[nth] if math.isfinite(place.errors[nth]) else 0.0 for place in places],
            "color": colour,
            "thickness": 1,
            "width": 2,
        }
        for nth in (0, 1)
    ]
    return go.Scatter(
        x=[place.values[0] for place in places],
        y=[place.values[1] for place in places],
        error_x=errors[0],
        error_y=errors[1],
        text=[plain(f"{place.trial}, {place.standing}") for place in places],
        **labels,
        name=name,
        marker={
            "size": 9,
            "symbol": ["circle" if finished[place.trial] else "circle-open" for place in places],
            "color": colour,
            "line": {"width": 1.5, "color": colour},
        },
        hovertemplate="%{text}<br>%{x:.4~g}, %{y:.4~g}<extra></extra>",
    )
