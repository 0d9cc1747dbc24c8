"""Links to MLflow's pages of a sweep, and the note with links that MLflow shows on the sweep's run."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from platform.tracking.local_ui import ui_port
from platform.tracking.records import TrialRecord, WriterState

REPORT = "report/index.html"
"""The artifact of the sweep's run that is its report."""


def comparison_link(state: WriterState) -> str:
    """Link to the sweep's view (:mod:`platform.tracking.saved_view`), with the curves of its trials.

    It points to the tracking server, or to `make ui`, on its port, if the store is a database file.
    """
    is_server = state.uri.startswith(("http://", "https://"))
    server = state.uri.rstrip("/") if is_server else f"http://127.0.0.1:{ui_port(state.uri)}"
    return f"{server}/{comparison_path(state)}"


def comparison_path(state: WriterState, *, as_table: bool = False) -> str:
    """Path of that page, without the server; ``as_table``: with the searched parameters instead of curves."""
    mode = {} if as_table else {"compareRunsMode": "CHART"}
    choices = {"viewStateShareKey": state.parent_run_id, **mode, "workflowType": "machine_learning"}
    return f"#/experiments/{quote(state.experiment_id)}/runs?{urlencode(choices, quote_via=quote)}"


def run_path(state: WriterState, run_id: str) -> str:
    """Path of a run's page, without the server."""
    return f"#/experiments/{quote(state.experiment_id)}/runs/{quote(run_id)}"


def note(
    state: WriterState,
    metrics: Sequence[str],
    best: Sequence[tuple[TrialRecord, Sequence[float]]],
    remarks: Sequence[str] = (),
) -> str:
    """Markdown with links to report and comparison, a table of the ``best`` trials, and ``remarks``."""
    lines = [
        f"[Report]({run_path(state, state.parent_run_id)}/artifacts/{quote(REPORT)}) · "
        f"[Compare the trials of this sweep]({comparison_path(state)}) · "
        f"[as a table]({comparison_path(state, as_table=True)})"
    ]
    if best:
        lines += ["", f"| trial | {' | '.join(metrics)} |", f"| --- {'| --- ' * len(metrics)}|"]
        for one, values in best:
            cells = " | ".join(f"{value:.{4 if abs(value) < 10 else 0}f}" for value in values)
            lines.append(f"| [{one.trial_id}]({run_path(state, one.run_id)}) | {cells} |")
    if remarks:
        lines += ["", *(f"- {_plain(remark)}" for remark in remarks)]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Escape Markdown: names and messages are not markup."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]()<>#|!~" else character for character in text)
