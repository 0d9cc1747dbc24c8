"""Figures of ensembles: metric by size, disagreement of members, and what each member adds."""

import plotly.graph_objects as go

from reports.page.figures import SERIES, TEXT, Figure, finish, plain
from reports.sweeps.contents import Ensembles

DASHES = ("solid", "dash", "dashdot")
"""Line styles, changed each time the colours start again."""


def ensemble_figures(found: Ensembles, metric: str) -> list[Figure]:
    """The figures for which there are values."""
    drawn = [_sizes(found, metric)]
    if len(found.disagreement_KK) > 1:
        drawn.append(_disagreement(found))
    if found.winner is not None and found.winner.adds:
        drawn.append(_adds(found, metric))
    return drawn


def _sizes(found: Ensembles, metric: str) -> Figure:
    """The metric by the number of members, one line per rule, against the best single trial."""
    figure = go.Figure()
    styles = [{"color": colour, "dash": dash} for dash in DASHES for colour in SERIES]
    for label, style in zip(sorted({one.label for one in found.grown}), styles * 10, strict=False):
        line = [one for one in found.grown if one.label == label]
        figure.add_trace(
            go.Scatter(
                x=[len(one.members) for one in line],
                y=[one.metrics[metric] for one in line],
                text=[plain(", ".join(found.names(one))) for one in line],
                name=plain(label),
                mode="lines+markers",
                line=style | {"width": 2.5},
                marker={"size": 8},
                hovertemplate="%{text}: %{y:.4f}<extra></extra>",
            )
        )
    single = found.evaluated[0].metrics[metric]
    sizes = [len(one.members) for one in found.grown]
    figure.add_trace(
        go.Scatter(
            x=[min(sizes), max(sizes)],
            y=[single, single],
            name="best single trial",
            mode="lines+markers" if min(sizes) == max(sizes) else "lines",
            line={"color": TEXT, "dash": "dot", "width": 1.5},
            hovertemplate="best single trial: %{y:.4f}<extra></extra>",
        )
    )
    figure.update_xaxes(dtick=1)
    caption = (
        f"{metric} by the number of members, for each rule and kind without learnt weights. The dotted line "
        "is the best single trial."
    )
    return finish(figure, "ensembles", caption, x="members", y=metric)


def _disagreement(found: Ensembles) -> Figure:
    names = [plain(one.ranked.trial.trial_id) for one in found.evaluated]
    shares = [list(row) for row in found.disagreement_KK]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=names,
            y=names,
            text=[[f"{share:.1%}" for share in row] for row in shares],
            texttemplate="%{text}",
            textfont={"color": TEXT},
            zmin=0,
            zmax=2 * max(map(max, shares)) or 1,  # no cell is so dark that it hides its figure
            colorscale=[[0, "var(--surface)"], [1, SERIES[0]]],
            showscale=False,
            hovertemplate="%{y} and %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed", automargin="width")
    caption = (
        "Share of validation images for which two members predict different classes. Members that never "
        "differ cannot help each other."
    )
    return finish(figure, "disagreement", caption, x="trial", y="trial")


def _adds(found: Ensembles, metric: str) -> Figure:
    winner = found.winner
    assert winner is not None
    names = [plain(name) for name in found.names(winner)]
    figure = go.Figure(
        go.Bar(
            x=list(winner.adds),
            y=names,
            orientation="h",
            marker={"color": SERIES[0]},
            hovertemplate="%{y}: %{x:+.4f}<extra></extra>",
        )
    )
    figure.update_yaxes(type="category", autorange="reversed", automargin="width")
    caption = f"How much each member improves {metric} of the best ensemble, compared with leaving it out."
    return finish(figure, "contributions", caption, x=f"gain in {metric}", y="trial")
