"""From a sweep's folder to its report: read, rank, evaluate, ensemble, score, write, log."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from platform.config.errors import UserError
from platform.datasets.data import Data
from platform.datasets.prepare import prepare
from platform.tracking.note import note
from platform.tracking.tracking_config import MlflowAway
from platform.tracking.writer import SweepWriter
from platform.training.disk import StorageError
from platform.tuning.checkpoint_place import publish
from reports.confirmation import confirmation
from reports.contents import Contents, DataFacts, Ensembles, Explained, TestScores
from reports.edges import edges
from reports.explained import explained
from reports.failures import digest
from reports.files import write_whole
from reports.inputs import Inputs, read_bad_images, read_data_facts, read_inputs
from reports.judge import OTHER_SINGLE, Judge
from reports.page import render
from reports.pareto import Pareto, pareto
from reports.rank import RankedTrial, rank_trials, table_rows
from reports.retrieval import RetrievalJudge
from reports.trials_table import trials_table
from reports.what_mattered import what_mattered
from reports.winner import write_winner
from reports.words import sentences

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

    def rows(self, top: int | None = None) -> list[dict[str, str]]:
        """The best ``top`` trials as text: one dict of column to cell a trial."""
        if self.pareto is not None:
            return self.pareto.rows(self.ranking, top)
        return table_rows(self.ranking, self.metric, top)


def build_report(
    run_folder: Path,
    *,
    top: int | None = None,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    data: Data | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write ``report/index.html`` and ``trials.csv`` of the sweep in ``run_folder``, and log both to MLflow.

    ``top`` trials are evaluated, of which ensembles have at most ``max_members`` that take together at most
    ``max_latency_ms`` an image (as the sweep says, if None). ``data`` is prepared anew from the sweep's space
    unless the caller still has it. Where the data or checkpoints are gone, the page is made
    of what there is and says what is missing.

    Raises:
        UserError: it is no sweep's folder, or its MLflow does not answer and it has no spool.
    """
    say = progress or (lambda _: None)
    say("reading the sweep")
    inputs = read_inputs(run_folder, top, max_members=max_members, max_latency_ms=max_latency_ms)
    data_facts = read_data_facts(inputs)
    ranking, found = _rank(inputs, data_facts)
    ensembles, test, why = _judge(inputs, ranking, found, data, notices := _notices(inputs), say)
    contents = Contents(
        identity=inputs.identity,
        sweep=inputs.sweep,
        ranking=ranking,
        space_yaml=inputs.folder.space.read_text(encoding="utf-8"),
        data=data_facts,
        ensembles=ensembles,
        test=test,
        bad_images=read_bad_images(inputs.folder),
        notices=notices,
        edges=[str(edge) for edge in edges(inputs.loaded, ranking)],
        repeats=inputs.repeats,
        confirmation=confirmation(inputs.repeats, inputs.identity.goals, inputs.identity.statistic),
        pareto=found,
        explained=why,
        what_mattered=what_mattered(inputs.loaded, ranking, inputs.mode, inputs.identity.statistic),
        made_at=f"{datetime.now().astimezone():%d %B %Y, %H:%M}",
    )
    say("writing the page")
    page = _write(inputs, contents)
    undelivered = inputs.undelivered or _log(inputs, contents)
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
        undelivered="\n".join(filter(None, (undelivered, _publish(inputs)))) or None,
        pareto=found,
    )


def _rank(inputs: Inputs, data: DataFacts | None) -> tuple[list[RankedTrial], Pareto | None]:
    """By the one goal; of several the front first, then the others by the first goal."""
    statistic, goals = inputs.identity.statistic, inputs.identity.goals
    ranking = rank_trials(inputs.sweep.trials, inputs.metric, inputs.mode, statistic)
    return pareto(ranking, goals, statistic, data.samples if data else {}) if goals[1:] else (ranking, None)


def _notices(inputs: Inputs) -> list[str]:
    """What a reader must know of what the report is made of."""
    told = [f"MLflow does not have this sweep whole. {inputs.undelivered}."] if inputs.undelivered else []
    left = [f"{one.trial_id} ({one.left_out})" for one in inputs.sweep.trials if one.left_out]
    if left:
        told.append(
            f"Since the space was changed, these trials do not fit it, and are not ranked: {', '.join(left)}."
        )
    return told


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
    chosen = found.finalists(ranking, inputs.top) if found else ranking[: inputs.top]
    say(f"evaluating the best {len(chosen)} checkpoints")
    members = judge.evaluate(chosen)
    if not members:
        return None, None, Explained()
    say("looking for wrong labels")
    why = explained(members, data)
    say("ensembling")
    ensembles = judge.combine(members)
    say("scoring the finalists")
    on_front = [place.trial for place in found.front] if found else []
    return ensembles, judge.score(members, ensembles, on_front), why


def _write(inputs: Inputs, contents: Contents) -> Path:
    folder = inputs.folder
    page = folder.report / "index.html"
    table = trials_table(contents.sweep, contents.ranking, inputs.metric, contents.repeats, contents.pareto)
    write_whole(folder.trials_csv, table.to_csv(index=False))
    write_whole(page, render(contents))
    contents.explained.write(folder.report)
    write_winner(inputs, contents.ranking, contents.ensembles)
    return page


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
