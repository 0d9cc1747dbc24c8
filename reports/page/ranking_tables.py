"""The page's tables of trials: the ranking, finalists with other seeds, and the sweeps of a joint report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform.tuning.goals import figure
from reports.page.sentences import OUTCOMES
from reports.page.tables import Column, Table, integers
from reports.ranking.confirmation import Confirmation
from reports.ranking.pareto import Pareto
from reports.ranking.rank import RankedTrial, method_and_backbone, number, parameter, searched_names
from reports.ranking.ranking_columns import ranking_columns
from reports.ranking.trials_table import at_epoch, seconds
from reports.sweeps.contents import Contents
from reports.sweeps.joint_record import sweep_of

_SCROLLING = 25  # rows of a ranking that the page shows without a scroll bar


def ranking_table(contents: Contents) -> Table:
    """Every ranked trial: what it reached, its parameters, how it ended; what else is known is extra."""
    ranking, found = contents.ranking, contents.pareto
    trials = [one.trial for one in ranking]
    kinds = [method_and_backbone(trial) for trial in trials]
    columns = [Column("#", [one.rank for one in ranking], kind="number")]
    if contents.joined:
        pages = {one.name: one.page for one in contents.joined}
        sweeps = [sweep_of(trial) for trial in trials]
        columns.append(Column("Sweep", sweeps, links=[pages[name] for name in sweeps]))
    attempts = [f" (attempt {trial.attempt})" if trial.attempt > 1 else "" for trial in trials]
    names = [f"{trial.trial_id}{attempt}" for trial, attempt in zip(trials, attempts, strict=True)]
    columns.append(Column("Trial", names))
    columns += _goals(found, ranking) if found else [_best(ranking)]
    for key in ("method", "backbone"):
        if key not in same_in_all(contents):
            columns.append(Column(key.capitalize(), [kind[key] for kind in kinds]))
    if not contents.joined:
        columns += [_parameters(name, ranking) for name in searched_names(ranking)]
    columns.append(Column("Outcome", [_outcome(one) for one in ranking], kind="outcome"))
    columns += _other_seeds(contents) + _extras(contents)
    on_front = {place.trial for place in found.front} if found else set()
    return Table(
        "ranking",
        columns,
        chosen=frozenset(place for place, trial in enumerate(trials) if trial.trial_id in on_front)
        if found
        else frozenset({0}),
        attributes=[
            {"outcome": trial.outcome, **kind, "sweep": sweep_of(trial)}
            for trial, kind in zip(trials, kinds, strict=True)
        ],
        is_tall=len(ranking) > _SCROLLING,
    )


def confirmation_table(found: Confirmation) -> Table:
    """Finalists by their mean over other seeds."""
    finalists = found.finalists
    values = [list(one.values.values()) for one in finalists]
    columns = [
        Column("Trial", [one.trial for one in finalists]),
        Column("Mean", [one.mean for one in finalists], number, "number"),
        Column("Standard error", [one.standard_error for one in finalists], number, "number"),
        *(Column(name, [one.of_goal(name) for one in finalists], kind="number") for name in found.beside),
        integers("Seeds", list(map(len, values))),
        Column("Lowest", list(map(min, values)), number, "number"),
        Column("Highest", list(map(max, values)), number, "number"),
        integers("Failed", [one.failed for one in finalists]),
    ]
    return Table("confirmation", columns, chosen=frozenset({0}))


def sweeps_table(contents: Contents) -> Table:
    """The sweeps of a joint report, with links to their own pages."""
    joined = contents.joined
    ranked = [[one for one in contents.ranking if sweep_of(one.trial) == sweep.name] for sweep in joined]
    columns = [
        Column(
            "Sweep",
            [one.name if one.page else f"{one.name} (no page)" for one in joined],
            links=[one.page for one in joined],
        ),
        integers("Trials", [len(one.sweep.trials) for one in joined]),
        integers("Ranked", list(map(len, ranked))),
        Column("Best", [own[0].best if own else math.nan for own in ranked], number, "number"),
        Column("Outcome", [OUTCOMES.get(one.sweep.outcome, one.sweep.outcome) for one in joined]),
        Column("Seed", [one.identity.seed for one in joined], kind="number"),
        Column("Experiment", [one.identity.experiment for one in joined]),
        Column("Folder", [one.folder for one in joined], kind="code"),
        Column("Command", [one.identity.command for one in joined], kind="code"),
    ]
    return Table("sweeps", columns)


def other_labels(contents: Contents) -> tuple[str, str] | None:
    """The accuracy on the labels that do not select, and its heading; None where there is only one kind."""
    kinds = (("val/clean_accuracy", "Clean labels"), ("val/given_accuracy", "Given labels"))
    measured = {name for one in contents.ranking for name in one.trial.history}
    return next((kind for kind in kinds if kind[0] in measured), None)


def same_in_all(contents: Contents) -> dict[str, str]:
    """Method and backbone where all trials have the same one: the page names it once, above the table."""
    kinds = [method_and_backbone(one.trial) for one in contents.ranking]
    found = {key: {kind[key] for kind in kinds} for key in ("method", "backbone")}
    return {key: values.pop() for key, values in found.items() if len(values) == 1}


def _goals(found: Pareto, ranking: Sequence[RankedTrial]) -> list[Column]:
    places = [found.places[one.trial.trial_id] for one in ranking]
    columns = [Column("Standing", [place.standing for place in places])]
    for nth, goal in enumerate(found.goals):
        values = [place.values[nth] for place in places]
        errors = [place.errors[nth] for place in places]
        notes = [
            f"± {figure(error, value)}" if 0 < error < math.inf else ""
            for value, error in zip(values, errors, strict=True)
        ]
        columns.append(Column(goal.metric, values, figure, "number", notes=notes))
    return [*columns, _epochs(ranking)]


def _best(ranking: Sequence[RankedTrial]) -> Column:
    return Column("Best", [one.best for one in ranking], number, "number")


def _extras(contents: Contents) -> list[Column]:
    """What the page shows once you choose it: epochs, other metrics and labels, costs."""
    ranking, found = contents.ranking, contents.pareto
    columns = [] if found else [_epochs(ranking), *_later(ranking)]
    if (other := other_labels(contents)) is not None:
        metric, heading = other
        reached = [at_epoch(one.trial, metric, one.best_epoch) for one in ranking]
        columns.append(Column(heading, reached, number, "number"))
    columns += _measures(contents)
    columns.append(Column("Seconds", [seconds(one.trial) for one in ranking], "{:.1f}".format, "number"))
    is_wide = not contents.joined and len(searched_names(ranking)) > 0
    return [replace(one, is_extra=is_wide) for one in columns]


def _later(ranking: Sequence[RankedTrial]) -> list[Column]:
    return [
        Column("Last", [one.last for one in ranking], number, "number"),
        Column("Mean of last 3", [one.mean_of_last_3 for one in ranking], number, "number"),
    ]


def _epochs(ranking: Sequence[RankedTrial]) -> Column:
    notes = [f"of {one.epochs}" for one in ranking]
    return Column("In epoch", [one.best_epoch for one in ranking], kind="number", notes=notes)


def _other_seeds(contents: Contents) -> list[Column]:
    """What the trials reached that were run again with other seeds."""
    if contents.confirmation is None:
        return []
    again = {one.trial: one for one in contents.confirmation.finalists}
    found = [again.get(one.trial.trial_id) for one in contents.ranking]
    notes = [f"± {number(one.standard_error)} ({len(one.values)})" if one else "" for one in found]
    means = [one.mean if one else math.nan for one in found]
    return [Column("Mean of other seeds", means, number, "number", notes=notes)]


def _measures(contents: Contents) -> list[Column]:
    ids = [one.trial.trial_id for one in contents.ranking]
    return [
        Column(one.heading, [one.values[trial] for trial in ids], one.shown, "number")
        for one in ranking_columns(contents.ranking, contents.identity.metric, contents.gpus)
    ]


def _parameters(name: str, ranking: Sequence[RankedTrial]) -> Column:
    """A searched parameter; trials that did not draw it have an empty cell."""
    values = [_setting(name, one.trial.searched) for one in ranking]
    return Column(name, values, parameter, unknown="")


def _setting(name: str, searched: Mapping[str, Any]) -> Any:
    """A number as it is, anything else as the YAML writes it; None where the trial did not draw it."""
    if name not in searched:
        return None
    value = searched[name]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else parameter(value)


def _outcome(one: RankedTrial) -> str:
    outcome = OUTCOMES.get(one.trial.outcome, one.trial.outcome)
    return f"{outcome}, reused from {one.trial.reused_from}" if one.trial.reused_from else outcome
