"""Builds the report of a sweep's folder: read, rank, evaluate, combine, score, write, deliver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.whole_files import write_whole
from reports.build.combination import Combination
from reports.build.delivery import deliver
from reports.build.embedding_combination import EmbeddingCombination
from reports.build.explained import explained, withheld
from reports.build.winner import write_winner
from reports.evaluation.classification import ClassificationEvaluator
from reports.evaluation.finalists import scorings
from reports.evaluation.members import Evaluator, evaluate_trials
from reports.evaluation.retrieval import RetrievalEvaluator
from reports.evaluation.scoring import Scoring
from reports.findings.edges import edges
from reports.findings.failures import digest
from reports.findings.what_mattered import what_mattered
from reports.page.page import render
from reports.page.page_files import write_page_files
from reports.page.sentences import sentences
from reports.ranking.confirmation import confirmation
from reports.ranking.pareto import Pareto, pareto
from reports.ranking.rank import RankedTrial, rank_trials, table_rows
from reports.ranking.trials_table import trials_table
from reports.sweeps.contents import Contents, DataFacts
from reports.sweeps.inputs import Inputs, read_data_facts, read_inputs
from reports.sweeps.joint import read_joint
from reports.sweeps.joint_record import read_joint_record, write_joint

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Report:
    """A report that was written, for the lines that a command ends with.

    ``undelivered``: a line on what MLflow lacks, the report included, and how to deliver it; None if it has
    everything.
    """

    page: Path
    contents: Contents
    undelivered: str | None = None

    @property
    def summary(self) -> list[str]:
        return sentences(self.contents)

    @property
    def caveats(self) -> list[str]:
        """What keeps the report's numbers from meaning anything, the worst first."""
        return [str(caveat) for caveat in self.contents.caveats]

    @property
    def failures(self) -> list[str]:
        """A line for each cause of failed trials."""
        return digest(self.contents.sweep.trials)

    @property
    def remarks(self) -> list[str]:
        """Caveats, causes of failures, best values at an end of their range, the best with other seeds."""
        found = self.contents.confirmation
        confirmed = found.sentences(self.contents.identity.metric) if found else []
        return [*self.caveats, *self.failures, *self.contents.edges, *confirmed]

    def __repr__(self) -> str:
        return "\n".join([f"Report({self.page})", *self.summary])

    def rows(self, top: int | None = None) -> list[dict[str, str]]:
        """The best ``top`` trials as text: a dict of column to cell for each trial."""
        ranking, metric = self.contents.ranking, self.contents.identity.metric
        if self.contents.pareto is not None:
            return self.contents.pareto.rows(ranking, top)
        return table_rows(ranking, metric, top, of_several_sweeps=bool(self.contents.joined))


def build_report(
    run_folder: Path,
    *,
    top: int | None = None,
    max_members: int | None = None,
    max_latency_ms: float | None = None,
    data: Data | None = None,
    source: str | None = None,
    joining: Sequence[Path] = (),
    notices: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Write the report of the sweep in ``run_folder``, and log it to MLflow.

    The report is ``report/index.html`` with its tables and figures, ``trials.csv`` and the winner's record.
    If the data or checkpoints are gone, the page is made of what is left and says what is missing.

    Args:
        top: the number of best trials to evaluate. None: as the sweep's YAML says, as for the next two.
        max_members: the largest number of members of an ensemble.
        max_latency_ms: milliseconds an image that an ensemble's members may take together.
        data: the sweep's data, if the caller still has them; else they are prepared again.
        source: where the sweep's images are now, if they were moved; recorded if they are the same.
        joining: several sweeps on the same data. Their joint report is made in ``run_folder``, which records
            them, so that it can be made again like a sweep's. Candidates of its ensembles are the best
            ``top`` of all trials and the best of each sweep. MLflow holds the sweeps' own reports only.
        notices: sentences to show on the page besides.
        progress: called with the name of each step when it begins.

    Raises:
        UserError: ``run_folder`` holds no sweep; its MLflow does not answer and it has no spool; the sweeps
            cannot be joined (:func:`reports.sweeps.joint.read_joint`).
    """
    say = progress or (lambda _: None)
    say("reading the sweep")
    bounds: dict[str, Any] = {"max_members": max_members, "max_latency_ms": max_latency_ms}
    sweeps = joining or read_joint_record(run_folder)
    inputs = (
        read_joint(sweeps, run_folder, top, notices=notices, **bounds)
        if sweeps
        else read_inputs(run_folder, top, source=source, **bounds)
    )
    contents = _evaluated(_recorded(inputs), inputs, data, say)
    say("writing the page")
    page = _write(inputs, contents)
    return Report(page, contents, inputs.undelivered if inputs.joined else deliver(inputs, contents))


def _recorded(inputs: Inputs) -> Contents:
    """The contents that follow from the sweep's records alone, without its images and checkpoints."""
    identity = inputs.identity
    data = read_data_facts(inputs)
    ranking, standings = ranked_trials(inputs, data)
    return Contents(
        identity=identity,
        sweep=inputs.sweep,
        ranking=ranking,
        space_yaml=inputs.space_yaml,
        data=data,
        bad_images=inputs.bad_images,
        notices=_notices(inputs),
        made_at=f"{datetime.now().astimezone():%d %B %Y, %H:%M}",
        edges=[] if inputs.joined else [str(edge) for edge in edges(inputs.loaded, ranking)],
        repeats=inputs.repeats,
        confirmation=confirmation(inputs.repeats, identity.goals, identity.statistic),
        pareto=standings,
        gpus={trial.trial_id: inputs.gpus_of(trial) for trial in inputs.sweep.trials},
        joined=inputs.joined,
        what_mattered=None
        if inputs.joined
        else what_mattered(inputs.loaded, ranking, inputs.mode, identity.statistic),
    )


def ranked_trials(inputs: Inputs, data: DataFacts | None = None) -> tuple[list[RankedTrial], Pareto | None]:
    """Rank by the goal; if there are several, the front comes first, then the others by the first goal."""
    statistic, goals = inputs.identity.statistic, inputs.identity.goals
    ranking = rank_trials(inputs.sweep.trials, inputs.metric, inputs.mode, statistic)
    if not goals[1:]:
        return ranking, None
    facts = data or read_data_facts(inputs)
    return pareto(ranking, goals, statistic, facts.samples if facts else {})


def table_of_trials(run_folder: Path) -> pd.DataFrame:
    """The trials as :func:`reports.ranking.trials_table.trials_table` lists them, as they are recorded now.

    The sweep may still run, and need have no report. Raises UserError if ``run_folder`` holds no sweep.
    """
    sweeps = read_joint_record(run_folder)
    inputs = read_joint(sweeps, run_folder, None) if sweeps else read_inputs(run_folder, None)
    ranking, standings = ranked_trials(inputs)
    return trials_table(inputs.sweep, ranking, inputs.metric, inputs.repeats, standings)


def _notices(inputs: Inputs) -> list[str]:
    """What a reader must know about the records themselves."""
    notices = [f"MLflow lacks a part of this sweep. {inputs.undelivered}."] if inputs.undelivered else []
    notices += [*inputs.notices, *inputs.data_remarks]
    left = [f"{one.trial_id} ({one.left_out})" for one in inputs.sweep.trials if one.left_out]
    if left:
        notices.append(
            f"The space was changed, and these trials do not fit it any more; they are not ranked: "
            f"{', '.join(left)}."
        )
    return notices


def _evaluated(contents: Contents, inputs: Inputs, data: Data | None, say: Progress) -> Contents:
    """Add what the checkpoints show: ensembles, test scores, findings about classes and labels.

    If nothing can be evaluated, the contents' notices say why.
    """
    ranking, standings, notices = contents.ranking, contents.pareto, contents.notices
    data = _matching_data(inputs, data, notices, say) if ranking else None
    if data is None:
        return contents
    foremost = standings.finalists(ranking, inputs.top) if standings else ranking[: inputs.top]
    chosen = inputs.candidates(foremost, ranking)
    evaluator: Evaluator = (
        RetrievalEvaluator(inputs.metric, data)
        if data.is_retrieval
        else ClassificationEvaluator(inputs, data)
    )
    members = evaluate_trials(chosen, evaluator, inputs, notices, say)
    if not members:
        return contents
    combination: Combination | EmbeddingCombination = EmbeddingCombination(inputs, data)
    if isinstance(evaluator, ClassificationEvaluator):
        evaluator, members = evaluator.knowing_noise(members)
        contents = replace(contents, wrong_labels=evaluator.noise.rate if evaluator.noise else None)
        combination = Combination(evaluator, inputs, data, notices)
    say("looking for wrong labels")
    findings = explained(members, inputs, data, notices)
    say("ensembling")
    ensembles = combination.ensembles(members)
    say("scoring the finalists")
    on_front = [place.trial for place in standings.front] if standings else []
    in_own_reports = sum(scorings(Path(one.folder) / "report", data.digest) for one in inputs.joined)
    test = Scoring(evaluator, inputs, data, notices).score(ensembles, on_front)
    test = replace(test, times=test.times + in_own_reports) if test else None
    contents = replace(contents, ensembles=ensembles, test=test, explained=findings)
    return replace(contents, explained=withheld(findings)) if contents.at_chance else contents


def _matching_data(inputs: Inputs, data: Data | None, notices: list[str], say: Progress) -> Data | None:
    """The data that the sweep learnt from; None, with a notice, if they are gone or have changed."""
    nothing = "No checkpoint was evaluated and no ensemble was made"
    try:
        if data is None:
            what = f"decoding {inputs.data_config.source}"
            say(what)

            def count(done: int, images: int) -> None:
                say(f"{what}: {done:,} of {images:,} images")

            data = prepare(inputs.data_config, inputs.image_size, progress=count)
    except UserError as error:
        notices.append(f"{nothing}, for want of the data: {error}")
        return None
    if data.digest != inputs.identity.data_digest:
        notices.append(
            f"{nothing}: {inputs.data_config.source} is no longer what the sweep learnt from (SHA-256 "
            f"{data.digest[:12]}…, it was {inputs.identity.data_digest[:12]}…)."
        )
        return None
    inputs.record_source()
    return data


def _write(inputs: Inputs, contents: Contents) -> Path:
    folder = inputs.folder
    index, page = folder.report / "index.html", render(contents)
    table = trials_table(contents.sweep, contents.ranking, inputs.metric, contents.repeats, contents.pareto)
    write_whole(folder.trials_csv, csv_text(table))
    write_whole(index, page.html)
    write_page_files(page.tables, page.figures, folder.report)
    contents.explained.write(folder.report)
    write_winner(inputs, contents.ranking, contents.ensembles, contents.at_chance)
    if inputs.joined:
        write_joint(folder.path, [Path(one.folder) for one in inputs.joined])
    return index
