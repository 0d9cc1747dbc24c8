"""From a sweep's folder to its report: read, rank, evaluate, ensemble, score, write, log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.tracking.note import note
from platform.tracking.tracking_config import MlflowAway
from platform.tracking.writing.writer import SweepWriter
from platform.storage.disk import StorageError
from platform.tuning.folder.checkpoint_place import publish
from reports.ranking.confirmation import confirmation
from reports.sweeps.contents import Contents, DataFacts, Ensembles, Explained, TestScores
from reports.findings.edges import edges
from reports.explained import explained
from reports.findings.failures import digest
from platform.storage.whole_files import write_whole
from reports.evaluation.finalists import scorings
from reports.sweeps.inputs import Inputs, read_data_facts, read_inputs
from reports.sweeps.joint import read_joint
from reports.sweeps.joint_record import read_joint_record, write_joint
from reports.build.judge import OTHER_SINGLE, Judge
from reports.page.page import render
from reports.page.page_files import write_page_files
from reports.ranking.pareto import Pareto, pareto
from reports.ranking.rank import RankedTrial, rank_trials, table_rows
from reports.build.retrieval_judge import RetrievalJudge
from reports.ranking.trials_table import trials_table
from reports.findings.what_mattered import what_mattered
from reports.build.winner import write_winner
from reports.page.sentences import sentences

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """What a report found, for the lines that a command ends with; ``summary`` says it in sentences.

    ``failures``: a line a cause; ``edges``: a line a best value at an end of its range; ``confirmed``: what
    other seeds say of the best; ``undelivered``: a line that says what MLflow does not have, the report
    included, and how it will; ``pareto``: where the trials stand, of a search with several goals.
    """

    page: Path
    summary: list[str]
    metric: str
    ranking: list[RankedTrial]
    ensembles: Ensembles | None
    test: TestScores | None
    notices: list[str]
    failures: list[str]
    edges: list[str]
    confirmed: list[str] = field(default_factory=list)
    undelivered: str | None = None
    pareto: Pareto | None = None
    is_joint: bool = False

    def rows(self, top: int | None = None) -> list[dict[str, str]]:
        """The best ``top`` trials as text: one dict of column to cell a trial."""
        if self.pareto is not None:
            return self.pareto.rows(self.ranking, top)
        return table_rows(self.ranking, self.metric, top, of_several_sweeps=self.is_joint)


def build_report(
    run_folder: Path,
    *,
    top: int | None = None,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    data: Data | None = None,
    joining: Sequence[Path] = (),
    notices: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Write ``report/index.html`` and ``trials.csv`` of the sweep in ``run_folder``, and log both to MLflow.

    ``top`` trials are evaluated, of which ensembles have at most ``max_members`` that take together at most
    ``max_latency_ms`` an image (as the sweep says, if None). ``data`` is prepared anew from the sweep's space
    unless the caller still has it. Where the data or checkpoints are gone, the page is made
    of what there is and says what is missing.

    ``joining`` several sweeps over the same data, their joint report is made in ``run_folder``, which keeps
    what they are; it can be made again like a sweep's. Candidates of its ensembles are the best ``top`` of
    all and the best of each. It is not logged: MLflow holds the sweeps' own. ``notices``: what the page is to
    say besides.

    Raises:
        UserError: it is no sweep's folder, or its MLflow does not answer and it has no spool; sweeps that
            cannot be joined (:func:`reports.sweeps.joint.read_joint`).
    """
    say = progress or (lambda _: None)
    say("reading the sweep")
    bounds: dict[str, Any] = {"max_members": max_members, "max_latency_ms": max_latency_ms}
    sweeps = joining or read_joint_record(run_folder)
    inputs = (
        read_joint(sweeps, run_folder, top, notices=notices, **bounds)
        if sweeps
        else read_inputs(run_folder, top, **bounds)
    )
    return _report(inputs, data, say)


def _report(inputs: Inputs, data: Data | None, say: Progress) -> Report:
    data_facts = read_data_facts(inputs)
    ranking, found = _rank(inputs, data_facts)
    notices = _notices(inputs)
    ensembles, test, why = _judge(inputs, ranking, found, data, notices, say)
    contents = Contents(
        identity=inputs.identity,
        sweep=inputs.sweep,
        ranking=ranking,
        space_yaml=inputs.space_yaml,
        data=data_facts,
        ensembles=ensembles,
        test=test,
        bad_images=inputs.bad_images,
        notices=notices,
        edges=[] if inputs.joined else [str(edge) for edge in edges(inputs.loaded, ranking)],
        repeats=inputs.repeats,
        confirmation=confirmation(inputs.repeats, inputs.identity.goals, inputs.identity.statistic),
        pareto=found,
        explained=why,
        what_mattered=None
        if inputs.joined
        else what_mattered(inputs.loaded, ranking, inputs.mode, inputs.identity.statistic),
        made_at=f"{datetime.now().astimezone():%d %B %Y, %H:%M}",
        gpus={trial.trial_id: inputs.gpus_of(trial) for trial in inputs.sweep.trials},
        joined=inputs.joined,
    )
    say("writing the page")
    page = _write(inputs, contents)
    return Report(
        page=page,
        summary=sentences(contents),
        metric=inputs.metric,
        ranking=ranking,
        ensembles=ensembles,
        test=test,
        notices=notices,
        failures=digest(inputs.sweep.trials),
        edges=contents.edges,
        confirmed=contents.confirmation.sentences(inputs.metric) if contents.confirmation else [],
        undelivered=inputs.undelivered if inputs.joined else _hand_over(inputs, contents),
        pareto=found,
        is_joint=bool(inputs.joined),
    )


def _rank(inputs: Inputs, data: DataFacts | None) -> tuple[list[RankedTrial], Pareto | None]:
    """By the one goal; of several the front first, then the others by the first goal."""
    statistic, goals = inputs.identity.statistic, inputs.identity.goals
    ranking = rank_trials(inputs.sweep.trials, inputs.metric, inputs.mode, statistic)
    return pareto(ranking, goals, statistic, data.samples if data else {}) if goals[1:] else (ranking, None)


def _notices(inputs: Inputs) -> list[str]:
    """What a reader must know of the records themselves."""
    notices = [f"MLflow does not have this sweep whole. {inputs.undelivered}."] if inputs.undelivered else []
    notices += inputs.notices
    left = [f"{one.trial_id} ({one.left_out})" for one in inputs.sweep.trials if one.left_out]
    if left:
        notices.append(
            f"Since the space was changed, these trials do not fit it, and are not ranked: {', '.join(left)}."
        )
    return notices


def _judge(
    inputs: Inputs,
    ranking: list[RankedTrial],
    found: Pareto | None,
    data: Data | None,
    notices: list[str],
    say: Progress,
) -> tuple[Ensembles | None, TestScores | None, Explained]:
    if not ranking:
        return None, None, Explained()
    try:
        if data is None:
            say(f"decoding {inputs.data_config.source}")
            data = prepare(inputs.data_config, inputs.image_size)
    except UserError as error:
        notices.append(f"No checkpoint was evaluated and nothing ensembled, for want of the data: {error}")
        return None, None, Explained()
    if data.digest != inputs.identity.data_digest:
        notices.append(
            f"No checkpoint was evaluated and nothing ensembled: {inputs.data_config.source} is no longer "
            f"what the sweep learnt from (SHA-256 {data.digest[:12]}…, it was "
            f"{inputs.identity.data_digest[:12]}…)."
        )
        return None, None, Explained()
    judge = RetrievalJudge(inputs, data, notices) if data.is_retrieval else Judge(inputs, data, notices)
    foremost = found.finalists(ranking, inputs.top) if found else ranking[: inputs.top]
    chosen = inputs.candidates(foremost, ranking)
    say(f"evaluating the best {len(chosen)} checkpoints")
    members = judge.evaluate(chosen)
    if (gone := len(chosen) - len(members)) > 1:
        notices.append(f"So {gone} of {len(chosen)} checkpoints were left out.")
    if not members:
        return None, None, Explained()
    say("looking for wrong labels")
    why = explained(members, data)
    say("ensembling")
    ensembles = judge.combine(members)
    say("scoring the finalists")
    on_front = [place.trial for place in found.front] if found else []
    in_own_reports = sum(scorings(Path(one.folder) / "report", data.digest) for one in inputs.joined)
    test = judge.score(members, ensembles, on_front)
    return ensembles, replace(test, times=test.times + in_own_reports) if test else None, why


def _write(inputs: Inputs, contents: Contents) -> Path:
    folder = inputs.folder
    page = folder.report / "index.html"
    table = trials_table(contents.sweep, contents.ranking, inputs.metric, contents.repeats, contents.pareto)
    write_whole(folder.trials_csv, table.to_csv(index=False))
    html = render(contents)
    write_whole(page, html)
    write_page_files(html, folder.report)
    contents.explained.write(folder.report)
    write_winner(inputs, contents.ranking, contents.ensembles)
    if inputs.joined:
        write_joint(folder.path, [Path(one.folder) for one in inputs.joined])
    return page


def _hand_over(inputs: Inputs, contents: Contents) -> str | None:
    """To MLflow, and to where the checkpoints lie; a line a place that cannot be reached."""
    undelivered = inputs.undelivered or _log(inputs, contents)
    return "\n".join(filter(None, (undelivered, _publish(inputs)))) or None


def _log(inputs: Inputs, contents: Contents) -> str | None:
    """Put the report into MLflow; where it has gone away since, a line that says so."""
    folder = inputs.folder
    try:
        writer = SweepWriter.from_state(inputs.identity.writer_state)
        best = [(one.trial, _values(contents, one)) for one in contents.ranking[: inputs.top]]
        remarks = [*digest(contents.sweep.trials), *contents.edges]
        words = note(writer.state, [goal.metric for goal in inputs.identity.goals], best, remarks)
        writer.log_report(folder.report, [folder.trials_csv], _closing_metrics(contents), words)
    except MlflowAway as error:
        return f"{error}; the report is not in it; log it with: python -m reports {folder.path}"
    return None


def _values(contents: Contents, one: RankedTrial) -> tuple[float, ...]:
    return contents.pareto.places[one.trial.trial_id].values if contents.pareto else (one.best,)


def _publish(inputs: Inputs) -> str | None:
    """Lay the results beside the checkpoints; where these cannot be reached, a line that says so."""
    try:
        publish(inputs.folder, inputs.trials)
    except StorageError as error:
        return f"{error}; the report is not there; write it with: python -m reports {inputs.folder.path}"
    return None


def _closing_metrics(contents: Contents) -> dict[str, float]:
    """The report's figures on the parent run, so that sweeps can be compared in MLflow."""
    metric = contents.identity.metric
    metrics = {f"best/{metric}": contents.ranking[0].best} if contents.ranking else {}
    if contents.pareto is not None and contents.pareto.front:
        for nth, goal in enumerate(contents.pareto.goals[1:], start=1):
            reached = [place.values[nth] for place in contents.pareto.front]
            metrics[f"best/{goal.metric}"] = max(reached) if goal.direction == "max" else min(reached)
        metrics["front/trials"] = len(contents.pareto.front)
    if contents.ensembles is not None and contents.ensembles.winner is not None:
        metrics[f"ensemble/{metric}"] = contents.ensembles.winner.metrics[metric]
    for score in contents.test.scores if contents.test else []:
        if score.name.startswith(OTHER_SINGLE):
            continue
        # Without the ensemble's size, which differs between sweeps.
        told = contents.test.metric if contents.test else ""
        metrics[f"test/{told}/{score.name.split(' of ')[0]}"] = score.metrics[told]
    return metrics
