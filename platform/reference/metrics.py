"""Every metric that a trial or a report can record, and the page docs/reference/metrics.md."""

import re
from collections.abc import Iterator, Mapping

from platform.methods import method_names, metrics_in_words
from platform.reference.markdown import sentence, table
from platform.training import metrics
from platform.tuning.goals import COSTS, FURTHER, METRICS
from platform.tuning.trial.footprint import IN_WORDS
from reports.build.delivery import CLOSING

PAGE = "metrics.md"
INTRODUCTION = """# Metrics

What MLflow, `trials.csv` and the report call by these names. A trial records them after each epoch. Shares
and accuracies are from 0 to 1. `N` stands for a number, `…` for the name of another metric.
"""


def sections() -> dict[str, dict[str, str]]:
    """What each metric of a trial is, by heading and name."""
    return {
        "Training": {**dict(_of_methods()), **metrics.TRAINING},
        "Wrong labels, where the true ones are known": dict(metrics.NOISE),
        "Validation of classes": dict(metrics.CLASSIFICATION),
        "Validation of identities": dict(metrics.RETRIEVAL),
        "Averaged and raw weights": dict(metrics.AVERAGED),
        "Time": dict(metrics.TIME),
        "Size and machine": dict(IN_WORDS),
    }


def is_described(name: str) -> bool:
    """Whether a metric that a trial reports is on the page."""
    return any(_pattern(known).fullmatch(name) for section in sections().values() for known in section)


def metrics_page() -> dict[str, str]:
    """The page by its path below docs/reference/."""
    parts = [INTRODUCTION]
    for heading, known in sections().items():
        parts += [f"## {heading}", _table(known)]
    rows_of_sweep = [(f"`{name}`", sentence(words)) for name, words in CLOSING.items()]
    parts += [
        "## Of the whole sweep",
        "The sweep's own run in MLflow has, when its report is made:",
        table(("Metric", "Is"), rows_of_sweep),
    ]
    return {PAGE: "\n\n".join(parts) + "\n"}


def _of_methods() -> Iterator[tuple[str, str]]:
    for name, by_method in metrics_in_words().items():
        together: dict[str, list[str]] = {}
        for method, words in by_method.items():
            together.setdefault(words, []).append(method)
        everywhere = len(together) == 1 and len(by_method) == len(method_names())
        parts = [words if everywhere else f"{words} ({', '.join(who)})" for words, who in together.items()]
        yield f"train/{name}", "; ".join(parts)


def _table(known: Mapping[str, str]) -> str:
    """With a column on goals of a search, where one of the metrics may be one."""
    rows = [(f"`{name}`", sentence(words), _as_goal(name)) for name, words in known.items()]
    if any(row[2] for row in rows):
        return table(("Metric", "Is", "Goal of a search"), rows)
    return table(("Metric", "Is"), (row[:2] for row in rows))


def _as_goal(name: str) -> str:
    """What ``search.metric`` may do with it."""
    if name in METRICS:
        return "alone, first or further"
    if name in COSTS:
        return "further, as a cost"
    return "further" if name in FURTHER else ""


def _pattern(known: str) -> re.Pattern[str]:
    stands_for = {"_N": r"_\d+", "…": r"\w+", "METRIC": r"\w+/\w+", "NAME": r"[^/]+"}
    pattern = re.escape(known)
    for placeholder, names in stands_for.items():
        pattern = pattern.replace(placeholder, names)
    return re.compile(pattern)


def undescribed(reported: Mapping[str, object], *, of_sweep: bool = False) -> list[str]:
    """The names of a trial's metrics, or of the sweep's own, that the page lacks."""
    patterns = [_pattern(known) for known in CLOSING]
    return sorted(
        name
        for name in reported
        if not (any(each.fullmatch(name) for each in patterns) if of_sweep else is_described(name))
    )
