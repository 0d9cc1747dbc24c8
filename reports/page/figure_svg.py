"""A figure of the page as an SVG file for papers, drawn by matplotlib: plotly needs a browser for its own.

It draws what the page's figures are made of: lines and points with error bars, bars, heat maps and text, on
linear, logarithmic and named axes, in the page's light colours. Text stays text.
"""

import html
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, NullFormatter

from reports.spec_values import values

STYLE = Path(__file__).parent / "templates" / "report.css"
WIDTH_PX = 720
LETTERS = 80  # of all names in a row of the legend, some of them for its marks
LAST = 1000  # plotly's place in the legend of what is given none
POINTS = 0.75  # of a px
INCHES = 1 / 96
MARKERS = {"circle": "o", "x": "X", "x-thin": "x", "square": "s", "line-ns": "|"}
DASHES = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-."}
STEPS = {"hv": "steps-post", "vh": "steps-pre"}
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.size": 13 * POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}

Spec = Mapping[str, Any]
Which = Literal["x", "y"]
Place = Callable[[Sequence[Any]], list[float]]
"""Values of an axis as numbers on it; what is missing is NaN."""


def svg(spec: Spec) -> bytes:
    """The file's content, the same for the same spec. Raises ValueError for a trace of another kind."""
    layout = spec["layout"]
    with mpl.rc_context(SETTINGS), warnings.catch_warnings():
        # Text stays text: whoever shows it has a font for it, which the one that measures it lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        size = (WIDTH_PX * INCHES, layout["height"] * INCHES)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        x, y = _axis(axes, spec, "x"), _axis(axes, spec, "y")
        for trace in spec["data"]:
            _draw(axes, trace, x, y)
        for one in layout.get("annotations", ()):
            _annotate(axes, one)
        _legend(axes, spec)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _axis(axes: Axes, spec: Spec, which: Which) -> Place:
    """Set up the x or y axis, and return what puts values on it."""
    told = spec["layout"].get(f"{which}axis", {})
    place = _places(spec, which)
    set_label, set_scale, set_limits, set_ticks = (
        getattr(axes, f"set_{which}{what}") for what in ("label", "scale", "lim", "ticks")
    )
    set_label(_plain(told.get("title", {}).get("text", "")), parse_math=False)
    ticks = axes.xaxis if which == "x" else axes.yaxis
    if told.get("type") == "log":
        set_scale("log")
        ticks.set_minor_formatter(NullFormatter())
    elif "dtick" in told:
        ticks.set_major_locator(MultipleLocator(told["dtick"]))
    if "range" in told:
        is_log = told.get("type") == "log"
        set_limits(*(10**end if is_log else end for end in told["range"]))
    marks = told.get("tickvals", _names(spec, which))
    if marks:
        words = [_plain(str(one)) for one in told.get("ticktext", marks)]
        set_ticks(place(marks), words, parse_math=False)
    if told.get("showticklabels") is False:
        axes.tick_params(axis=which, left=False, labelleft=False)
    if told.get("showgrid", True):
        axes.grid(axis=which, color=_colour("var(--grid)"), linewidth=1)
    if told.get("autorange") == "reversed":
        ticks.set_inverted(True)
    return place


def _places(spec: Spec, which: Which) -> Place:
    names = _names(spec, which)
    if not names:
        return lambda found: [np.nan if one is None else float(one) for one in found]
    number = {name: float(place) for place, name in enumerate(names)}
    return lambda found: [np.nan if one is None else number[str(one)] for one in found]


def _names(spec: Spec, which: Which) -> list[str]:
    """Of an axis of names these, in their order; empty of one of numbers."""
    told = spec["layout"].get(f"{which}axis", {})
    found = [one for trace in spec["data"] for one in values(trace[which]) if one is not None]
    if told.get("type") != "category" and not any(isinstance(one, str) for one in found):
        return []
    return list(dict.fromkeys(str(one) for one in [*told.get("categoryarray", ()), *found]))


def _draw(axes: Axes, trace: Spec, x: Place, y: Place) -> None:
    across, up = values(trace["x"]), values(trace["y"])
    if trace["type"] == "heatmap":
        _heat_map(axes, trace, x(across), y(up))
    elif trace["type"] == "bar":
        draw = axes.barh if trace.get("orientation") == "h" else axes.bar
        ends = (y(up), x(across)) if trace.get("orientation") == "h" else (x(across), y(up))
        draw(*ends, color=_colour(trace["marker"]["color"]), label=_label(trace))
    elif trace["type"] == "scatter":
        _scatter(axes, trace, np.array(x(across)), np.array(y(up)))
    else:
        raise ValueError(f"cannot draw a figure's {trace['type']!r}; there are scatter, bar and heatmap")


def _scatter(axes: Axes, trace: Spec, x: np.ndarray, y: np.ndarray) -> None:
    line, marker = trace.get("line", {}), trace.get("marker", {})
    colour = _colour(line.get("color") or marker["color"])
    errors = [values(trace.get(f"error_{one}", {}).get("array", ())) or None for one in "xy"]
    if any(errors):
        axes.errorbar(x, y, xerr=errors[0], yerr=errors[1], fmt="none", ecolor=colour, elinewidth=POINTS)
    label = _label(trace)
    if "lines" in trace["mode"]:
        style, width = DASHES[line.get("dash", "solid")], line.get("width", 2) * POINTS
        steps = STEPS.get(line.get("shape"), "default")
        axes.plot(x, y, color=colour, linewidth=width, linestyle=style, drawstyle=steps, label=label)
        label = "_"
    if "markers" in trace["mode"]:
        for symbol, has_it in _symbols(marker.get("symbol", "circle"), len(x)):
            fill = "none" if symbol.endswith("-open") else colour
            axes.plot(
                x[has_it],
                y[has_it],
                linestyle="none",
                marker=MARKERS[symbol.removesuffix("-open")],
                markersize=marker.get("size", 6) * POINTS,
                markerfacecolor=fill,
                markeredgecolor=colour,
                markeredgewidth=marker.get("line", {}).get("width", 0.5) * POINTS,
                alpha=marker.get("opacity"),
                label=label,
            )
            label = "_"


def _symbols(told: str | Sequence[str], count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Each symbol, and which of the points have it."""
    of_points = np.array([told] * count if isinstance(told, str) else told)
    for symbol in dict.fromkeys(of_points.tolist()):
        yield symbol, of_points == symbol


def _heat_map(axes: Axes, trace: Spec, x: list[float], y: list[float]) -> None:
    shades = [(at, _colour(colour)) for at, colour in trace["colorscale"]]
    colours = LinearSegmentedColormap.from_list("page", shades)
    ends: dict[str, Any] = {"vmin": trace.get("zmin"), "vmax": trace.get("zmax")}
    axes.pcolormesh(x, y, np.array(values(trace["z"]), dtype=float), cmap=colours, shading="nearest", **ends)
    axes.grid(visible=False)
    for place, row in zip(y, trace.get("text", ()), strict=False):
        for across, word in zip(x, row, strict=True):
            axes.text(across, place, _plain(word), ha="center", va="center", parse_math=False)


def _annotate(axes: Axes, one: Spec) -> None:
    shift = (one.get("xshift", 0) * POINTS, one.get("yshift", 0) * POINTS)
    axes.annotate(
        _plain(one["text"]),
        (one["x"], one["y"]),
        xytext=shift,
        textcoords="offset points",
        ha=one.get("xanchor", "center"),
        va="center",
        color=_colour(one["font"]["color"]),
        fontsize=one["font"]["size"] * POINTS,
        parse_math=False,
    )


def _legend(axes: Axes, spec: Spec) -> None:
    """Above the figure, where more than one trace has a name, in their order there."""
    ranks = {_label(trace): trace.get("legendrank", LAST) for trace in spec["data"]}
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) < 2 or spec["layout"].get("showlegend") is False:
        return
    shown = sorted(zip(labels, handles, strict=True), key=lambda one: ranks.get(one[0], LAST))
    legend = axes.legend(
        [handle for _, handle in shown],
        [label for label, _ in shown],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=max(1, LETTERS // (max(map(len, labels)) + 6)),
        frameon=False,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _label(trace: Spec) -> str:
    """Its name in the legend; matplotlib leaves out what begins with a low line."""
    name = _plain(trace.get("name") or "")
    return name.lstrip("_") if name and trace.get("showlegend", True) else "_"


def _plain(text: str) -> str:
    return html.unescape(text).replace("<br>", " ")


def _colour(name: str) -> str:
    """The value of one of the page's variables; any other colour is itself."""
    match = re.fullmatch(r"var\((--[a-z0-9-]+)\)", name)
    return _colours()[match[1]] if match else name


@cache
def _colours() -> dict[str, str]:
    """Of the page by light, which its style sheet tells first."""
    light = STYLE.read_text(encoding="utf-8").partition("}")[0]
    return dict(re.findall(r"(--[a-z0-9-]+): (#[0-9a-f]+);", light))
