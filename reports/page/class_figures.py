"""Figures of the best trial's classes: accuracy by class size, and the reliability diagram."""

from collections.abc import Sequence

import plotly.graph_objects as go

from reports.findings.classes import Bin, ClassAccuracy, ClassFindings
from reports.page.figures import MUTED, SERIES, Figure, finish, labelled, plain

_WIDE_RANGE = 20  # class sizes spread over more than this factor are drawn on a logarithmic axis


def class_figures(found: ClassFindings) -> list[Figure]:
    """Accuracy by class size, and the reliability diagram."""
    measured = [one for one in found.classes if one.accuracy is not None]
    return [_by_size(measured, found), _reliability(found.bins, found)]


def _by_size(classes: Sequence[ClassAccuracy], found: ClassFindings) -> Figure:
    figure = go.Figure(
        go.Scatter(
            x=[one.trained for one in classes],
            y=[one.accuracy for one in classes],
            text=[plain(f"{one.name} ({one.images} validation images)") for one in classes],
            **labelled([one.name for one in classes], points=len(classes)),
            marker={"size": 9, "color": SERIES[0], "opacity": 0.8},
            hovertemplate="%{text}: %{y:.3f} with %{x} training images<extra></extra>",
        )
    )
    sizes = [one.trained for one in classes]
    if min(sizes) > 0 and max(sizes) / min(sizes) > _WIDE_RANGE:
        figure.update_xaxes(type="log", dtick=1, exponentformat="power")
    figure.update_yaxes(range=[-0.03, 1.03])
    caption = (
        f"Accuracy of the best trial ({found.trial}) in each class on validation ({found.labels} labels), "
        "against the number of training images with that given label."
    )
    if len(classes) < len(found.classes):
        caption += (
            f" {len(found.classes) - len(classes)} of {len(found.classes)} classes have no image there."
        )
    return finish(figure, "accuracy-by-class", caption, x="training images of the class", y="accuracy")


def _reliability(bins: Sequence[Bin], found: ClassFindings) -> Figure:
    figure = go.Figure(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            name="perfectly calibrated",
            line={"color": MUTED, "dash": "dot"},
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[one.confidence for one in bins],
            y=[one.accuracy for one in bins],
            text=[f"{one.images} images" for one in bins],
            mode="lines+markers",
            name=plain(f"trial {found.trial}"),
            line={"color": SERIES[0], "width": 2.5},
            marker={"size": 8},
            hovertemplate="%{text}, mean confidence %{x:.3f}: %{y:.3f} right<extra></extra>",
        )
    )
    figure.update_xaxes(range=[-0.03, 1.03])
    figure.update_yaxes(range=[-0.03, 1.03])
    caption = (
        f"Reliability of the best trial ({found.trial}) on validation ({found.labels} labels), before "
        "temperature scaling: overconfident below the dotted line, underconfident above it."
    )
    return finish(figure, "reliability", caption, x="mean confidence", y="share that is right")
