"""The description of a sweep's own run in MLflow: links to its report and its best trials."""

from collections.abc import Sequence
from urllib.parse import quote

from platform.tracking.links import comparison_path
from platform.tracking.records import TrialRecord, WriterState

REPORT = "report/index.html"


def note(
    state: WriterState,
    metrics: Sequence[str],
    best: Sequence[tuple[TrialRecord, Sequence[float]]],
    remarks: Sequence[str] = (),
) -> str:
    """Markdown: what to look at first, the ``best`` trials' values of ``metrics``, and ``remarks``."""
    lines = [
        f"[Report]({run_path(state, state.parent_run_id)}/artifacts/{quote(REPORT)}) · "
        f"[Compare the trials of this sweep]({comparison_path(state, metrics[0])})"
    ]
    if best:
        lines += ["", f"| trial | {' | '.join(metrics)} |", f"| --- {'| --- ' * len(metrics)}|"]
        for one, values in best:
            cells = " | ".join(f"{value:.{4 if abs(value) < 10 else 0}f}" for value in values)
            lines.append(f"| [{one.trial_id}]({run_path(state, one.run_id)}) | {cells} |")
    if remarks:
        lines += ["", *(f"- {_plain(remark)}" for remark in remarks)]
    return "\n".join(lines)


def run_path(state: WriterState, run_id: str) -> str:
    """A run's page, after the server's name."""
    return f"#/experiments/{quote(state.experiment_id)}/runs/{quote(run_id)}"


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is: what a trial or a user said is no markup."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]()<>#|!~" else character for character in text)
