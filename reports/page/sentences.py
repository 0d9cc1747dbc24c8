"""The report in words: headline numbers and sentences of its summary."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from platform.datasets.errors import listed
from platform.tracking.records import SweepRecord
from reports.ensembles.selection import ensemble_name, in_full
from reports.findings.probe import Probe
from reports.ranking.label_agreement import agreement
from reports.ranking.paired_bootstrap import Gain
from reports.ranking.pareto import Z
from reports.ranking.rank import RankedTrial, number, parameter
from reports.ranking.standard_error import standard_error
from reports.sweeps.contents import Contents, DataFacts, TestScore

OUTCOMES = {
    "finished": "finished",
    "pruned": "stopped early",
    "failed": "failed",
    "interrupted": "interrupted",
    "running": "still running",
}


@dataclass(frozen=True)
class Headline:
    """A number at the top of the page: its name, value and a note."""

    what: str
    value: str
    note: str


RANKED_BY = {
    "best": "their best epoch",
    "last": "their last epoch",
    "mean_last_3": "the mean of their last three epochs",
}


def headlines(contents: Contents) -> list[Headline]:
    """Best single trial and best ensemble, on validation and on test."""
    if not contents.ranking:
        return []
    ranking, metric, found = contents.ranking, contents.identity.metric, contents.ensembles
    best = ranking[0]
    about = f"{metric} of trial {best.trial.trial_id}, on {_kind_of_labels(contents.data)}"
    shown = [Headline("Best single trial, validation", number(best.best), about)]
    if contents.pareto is not None:
        named = " and ".join(goal.metric for goal in contents.pareto.goals)
        size = f"{len(contents.pareto.front)} of {len(ranking)}"
        shown.insert(0, Headline("On the Pareto front", size, f"trials that no other beats in {named}"))
    if found is not None and found.winner is not None:
        value = found.winner.metrics[metric]
        gain = difference(value, found.evaluated[0].metrics[metric])
        about = f"{ensemble_name(found.winner)}, {gain} against the best single"
        shown.append(Headline("Best ensemble, validation", number(value), about))
    if contents.test is not None:
        what = f"{metric_in_words(contents.test.metric)} on {contents.test.labels} labels"
        about = f"{what}, scored {times(contents.test.times)}"
        for score in _test_of_winners(contents):
            what = f"{score.name[0].upper()}{score.name[1:]}, test"
            shown.append(Headline(what, number(score.metrics[contents.test.metric]), about))
    return shown


def sentences(contents: Contents) -> list[str]:
    """The sweep in a few sentences, the most important first."""
    identity, ranking = contents.identity, contents.ranking
    if ranking:
        best = ranking[0]
        settings = ", ".join(f"{name} {parameter(value)}" for name, value in best.trial.searched.items())
        lines = contents.pareto.sentences(len(ranking)) if contents.pareto is not None else []
        by = f" by {identity.metric}" if lines else ""
        lines += [
            f"Best single trial{by}: {best.trial.trial_id} with {identity.metric} {number(best.best)} "
            f"in epoch {best.best_epoch} of {best.epochs}" + (f" ({settings})." if settings else ".")
        ]
        if identity.statistic != "best":
            what = "compared" if contents.pareto is not None else "ranked"
            lines.append(f"Trials are {what} by {RANKED_BY[identity.statistic]}.")
    else:
        lines = [f"No trial reported {identity.metric}, so there is nothing to rank."]
    if contents.confirmation is not None:
        lines += contents.confirmation.sentences(identity.metric)
    if contents.explained.probe is not None:
        lines.append(about_probe(contents.explained.probe))
    lines += _about_ensembles(contents) + _about_test(contents)
    lines += [f"On purpose: {line}." for line in identity.injected]
    if contents.data is not None and ranking:
        lines += [about_labels(contents.data, contents.wrong_labels), *_about_agreement(ranking)]
        lines += _about_chance(ranking[0].best, identity.metric, contents.data)
        lines += _about_ties(contents, contents.data)
    lines += [f"{edge}." for edge in contents.edges]
    failed = sum(trial.outcome == "failed" for trial in contents.sweep.trials)
    if failed:
        lines.append(f"{failed} of {len(contents.sweep.trials)} trials failed; the causes are below.")
    return lines


def about_labels(data: DataFacts, estimated: float | None = None) -> str:
    """Which labels selected the trials, and how reliable they are; ``estimated``: the share of wrong ones."""
    wrong = data.wrong.get("val")
    if data.selects_on == "clean":
        return "Trials were selected on clean validation labels."
    if wrong is None:
        against = "" if estimated is None else f"; the trials' predictions speak against {estimated:.0%}"
        return (
            "Trials were selected on the given validation labels. How many of them are wrong is not "
            f"known{against}. They have the same source as the training labels, so expect the same noise."
        )
    if wrong == 0:
        return "Trials were selected on the given validation labels, all of which agree with the clean ones."
    return (
        f"Trials were selected on noisy validation labels: {wrong:.1%} of them are wrong, so a perfect "
        f"prediction has an accuracy of {1 - wrong:.4f} on them. Accuracy on clean labels is shown "
        "beside it."
    )


def about_probe(found: Probe) -> str:
    """Whether the best trial beats simple classifiers on features that the sweep did not train."""
    best = found.tried[0]
    probe = f"the probe ({best.name}, {found.metric} {number(best.value)})"
    by = f"{difference(found.gain.difference, 0)}, 95% interval {interval(found.gain)}"
    if found.is_beaten:
        return f"Trial {found.trial} beats {probe}: {by}."
    return f"Trial {found.trial} does not beat {probe}: {by}. Such a sweep is not worth its hours."


def counts(sweep: SweepRecord) -> str:
    """ "16 trials: 9 finished, 6 stopped early, 1 failed"."""
    outcomes = Counter(trial.outcome for trial in sweep.trials)
    parts = [f"{outcomes[key]} {words}" for key, words in OUTCOMES.items() if outcomes[key]]
    total = len(sweep.trials)
    return f"{total} {'trial' if total == 1 else 'trials'}" + (f": {', '.join(parts)}" if parts else "")


def interval(gain: Gain) -> str:
    """ "+0.0010 to +0.0210", "−0.0100 to +0.0120, a tie"."""
    ends = f"{difference(gain.low, 0)} to {difference(gain.high, 0)}"
    return f"{ends}, a tie" if gain.is_tie else ends


def metric_in_words(name: str) -> str:
    """ "recall at 1", "mean average precision"."""
    return {"map": "mean average precision", "ece": "calibration error"}.get(name, name.replace("_", " "))


def times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def difference(value: float, than: float) -> str:
    """ "+0.0123", with a real minus."""
    return f"{value - than:+.4f}".replace("-", "−")


def _about_ensembles(contents: Contents) -> list[str]:
    found, metric = contents.ensembles, contents.identity.metric
    if found is None or not found.best:
        return []
    if found.winner is None and len(found.evaluated) == 1:
        return []
    if found.winner is None:
        return [
            f"No ensemble of the best {len(found.evaluated)} trials beat the best single one on validation."
        ]
    value = found.winner.metrics[metric]
    gain = difference(value, found.evaluated[0].metrics[metric])
    sure = f" (95% interval {interval(found.winner.gain)})" if found.winner.gain else ""
    full = in_full(found.winner.rule, found.winner.kind, len(found.winner.members))
    return [
        f"Best ensemble: {full} ({', '.join(found.names(found.winner))}) with "
        f"{metric} {number(value)} on validation, {gain} against the best single trial{sure}."
    ]


def _about_test(contents: Contents) -> list[str]:
    if contents.test is None:
        return []
    metric = contents.test.metric
    scores = [
        f"{one.name}, {number(one.metrics[metric])}{_how_sure(one)}" for one in _test_of_winners(contents)
    ]
    what = metric_in_words(metric)
    return [
        f"{what[0].upper()}{what[1:]} on the test split ({contents.test.labels} labels), "
        f"scored {times(contents.test.times)} after everything was chosen: {'; '.join(scores)}."
    ]


def _how_sure(score: TestScore) -> str:
    if score.gain is None:
        return ""
    return f" ({difference(score.gain.difference, 0)}, 95% interval {interval(score.gain)})"


def _about_chance(best: float, metric: str, data: DataFacts) -> list[str]:
    """The standard error of an accuracy p over n images, sqrt(p (1 - p) / n)."""
    images = data.rows.get("val", 0)
    if metric != "val/accuracy" or not images or not 0 <= best <= 1:
        return []
    error = math.sqrt(best * (1 - best) / images)
    return [
        f"The validation split has {images:,} images: the standard error of an accuracy is {error:.4f}, so "
        "differences of that size may be chance."
    ]


def _about_agreement(ranking: Sequence[RankedTrial]) -> list[str]:
    found = agreement(ranking)
    return [str(found)] if found else []


def _about_ties(contents: Contents, data: DataFacts) -> list[str]:
    """Trials within noise of the best one; only for a single goal."""
    if contents.pareto is not None:
        return []
    goal, statistic = contents.identity.goals[0], contents.identity.statistic
    best, *others = contents.ranking
    values = [one.value(statistic) for one in (best, *others)]
    errors = [standard_error(goal, value, {}, data.samples) for value in values]
    tied = [
        one.trial.trial_id
        for one, value, error in zip(others, values[1:], errors[1:], strict=True)
        if errors[0] > 0 and abs(values[0] - value) < Z * math.hypot(errors[0], error)
    ]
    if not tied:
        return []
    others_are = "trial is" if len(tied) == 1 else "trials are"
    return [
        f"{len(tied)} further {others_are} within noise of the best (less than {Z} standard errors of the "
        f"difference, as if each were judged on other images): {listed(tied)}."
    ]


def _kind_of_labels(data: DataFacts | None) -> str:
    if data is None:
        return "validation labels"
    wrong = data.wrong.get("val")
    if data.selects_on == "clean" or wrong == 0:
        return "clean labels"
    return "given labels" if wrong is None else f"noisy labels ({wrong:.0%} wrong)"


def _test_of_winners(contents: Contents) -> list[TestScore]:
    """Test scores of the best single trial and, if an ensemble won, of that ensemble."""
    if contents.test is None:
        return []
    found = contents.ensembles
    winner = ensemble_name(found.winner) if found is not None and found.winner is not None else None
    return [score for place, score in enumerate(contents.test.scores) if place == 0 or score.name == winner]
