"""Delivers a written report to MLflow, and the results to where the checkpoints are stored."""

from collections.abc import Mapping
from typing import Final

from platform.config.invocation import command_line
from platform.storage.disk import StorageError
from platform.tracking.links import note
from platform.tracking.tracking_config import MlflowAway
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.checkpoint_place import publish
from reports.evaluation.scoring import OTHER_SINGLE
from reports.findings.failures import digest
from reports.ranking.rank import RankedTrial
from reports.sweeps.contents import Contents
from reports.sweeps.inputs import Inputs

CLOSING: Final[Mapping[str, str]] = {
    "best/METRIC": "the best trial's value; of a goal after the first, the best on the Pareto front",
    "front/trials": "trials on the Pareto front, of several goals",
    "ensemble/METRIC": "the best ensemble's value on validation",
    "test/…/NAME": "what a finalist or ensemble has on the test split, which is scored once",
}
"""What :func:`closing_metrics` gives the sweep's own run."""


def deliver(inputs: Inputs, contents: Contents) -> str | None:
    """Log the report to MLflow and publish the results; a line for each place that cannot be reached."""
    undelivered = inputs.undelivered or _log(inputs, contents)
    return "\n".join(filter(None, (undelivered, _publish(inputs)))) or None


def _log(inputs: Inputs, contents: Contents) -> str | None:
    """Log page, tables and closing metrics; if MLflow does not answer any more, a line that says so."""
    folder = inputs.folder
    try:
        writer = SweepWriter.from_state(inputs.identity.writer_state)
        best = [(one.trial, _values(contents, one)) for one in contents.ranking[: inputs.top]]
        remarks = [*map(str, contents.caveats), *digest(contents.sweep.trials), *contents.edges]
        searched = dict.fromkeys(name for one in contents.sweep.trials for name in one.searched)
        writer.save_view([str(goal) for goal in inputs.identity.goals], list(searched))
        text = note(writer.state, [goal.metric for goal in inputs.identity.goals], best, remarks)
        writer.log_report(folder.report, [folder.trials_csv], closing_metrics(contents), text)
    except MlflowAway as error:
        return f"{error}; the report is not in it; log it with: {command_line('reports', folder.path)}"
    return None


def _values(contents: Contents, one: RankedTrial) -> tuple[float, ...]:
    return contents.pareto.places[one.trial.trial_id].values if contents.pareto else (one.best,)


def _publish(inputs: Inputs) -> str | None:
    """Copy the results beside the checkpoints; if these cannot be reached, a line that says so."""
    try:
        publish(inputs.folder)
    except StorageError as error:
        return (
            f"{error}; the report is not there; write it with: {command_line('reports', inputs.folder.path)}"
        )
    return None


def closing_metrics(contents: Contents) -> dict[str, float]:
    """The report's figures as metrics of the parent run, by which MLflow compares sweeps."""
    metric = contents.identity.metric
    metrics = {f"best/{metric}": contents.ranking[0].best} if contents.ranking else {}
    if contents.pareto is not None and contents.pareto.front:
        for nth, goal in enumerate(contents.pareto.goals[1:], start=1):
            values = [place.values[nth] for place in contents.pareto.front]
            metrics[f"best/{goal.metric}"] = max(values) if goal.direction == "max" else min(values)
        metrics["front/trials"] = len(contents.pareto.front)
    if contents.ensembles is not None and contents.ensembles.winner is not None:
        metrics[f"ensemble/{metric}"] = contents.ensembles.winner.metrics[metric]
    if (test := contents.test) is not None:
        for score in test.scores:
            if not score.name.startswith(OTHER_SINGLE):
                # Without the ensemble's size, which differs between sweeps.
                metrics[f"test/{test.metric}/{score.name.split(' of ')[0]}"] = score.metrics[test.metric]
    return metrics
