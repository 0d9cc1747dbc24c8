"""Scores a report's finalists on the test split: the best single trial and the best ensembles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from platform.datasets.preparation.data import Data
from reports.ensembles.selection import Ensemble, ensemble_name
from reports.evaluation.finalists import Finalist, score_once
from reports.evaluation.members import Evaluator
from reports.sweeps.contents import Ensembles, EvaluatedTrial, TestScore, TestScores
from reports.sweeps.inputs import Inputs

SINGLE = "best single trial"
OTHER_SINGLE = "trial "
"""Prefix of other single trials' names; they are finalists if the search has several goals."""


@dataclass(frozen=True)
class _Entry:
    """A finalist's members, and how they are combined; ``ensemble`` is None for a single trial."""

    trials: Sequence[EvaluatedTrial]
    ensemble: Ensemble | None = None

    def finalist(self, name: str) -> Finalist:
        ensemble = self.ensemble
        return Finalist(
            name,
            ensemble.rule if ensemble else None,
            tuple(trial.name for trial in self.trials),
            tuple(trial.key for trial in self.trials),
            weights=tuple(ensemble.learnt.get("weights_M", np.empty(0)).tolist()) if ensemble else (),
            temperature=ensemble.temperature if ensemble else 1.0,
        )


@dataclass(frozen=True)
class Scoring:
    """Scores the finalists of ``inputs`` on the test split of ``data``.

    ``notices`` collects what a reader of the report must know.
    """

    evaluator: Evaluator
    inputs: Inputs
    data: Data
    notices: list[str]

    def score(self, ensembles: Ensembles, on_front: Collection[str] = ()) -> TestScores | None:
        """Score the best single trial, other trials ``on_front``, and each rule's best ensemble.

        A finalist that was scored before keeps its scores. None without a test split, and while the sweep can
        still go on: its finalists may change then.
        """
        if not len(self.data.rows("test")):
            return None
        if self.inputs.sweep.outcome in ("running", "interrupted"):
            self.notices.append(
                "Test was not scored: the sweep is unfinished, its finalists are not fixed yet."
            )
            return None
        entries = _entries(ensembles, on_front)
        finalists = list(entries)
        metrics, times = score_once(
            finalists,
            self.data.digest,
            self.inputs.folder.report,
            lambda new: self._measure([entries[finalist] for finalist in new], ensembles.evaluated[0]),
        )
        scores = [
            TestScore(finalist.name, finalist.trials, values)
            for finalist, values in zip(finalists, metrics, strict=True)
        ]
        labels = "clean" if self.data.clean_known("test") else "given"
        return TestScores(scores, labels, times, self.evaluator.test_metric)

    def _measure(self, entries: Sequence[_Entry], best: EvaluatedTrial) -> list[dict[str, float]]:
        """The entries' test metrics; each checkpoint predicts once, and gains are over the ``best`` trial."""
        needed = {trial.key: trial for trial in (best, *(one for entry in entries for one in entry.trials))}
        predicted = {key: self.evaluator.predict_test(trial) for key, trial in needed.items()}
        return [
            self.evaluator.test_metrics(
                entry.ensemble,
                entry.trials,
                [predicted[trial.key] for trial in entry.trials],
                predicted[best.key],
            )
            for entry in entries
        ]


def _entries(ensembles: Ensembles, on_front: Collection[str]) -> dict[Finalist, _Entry]:
    best, *others = ensembles.evaluated
    named = [(SINGLE, _Entry([best]))]
    named += [
        (f"{OTHER_SINGLE}{one.name}", _Entry([one]))
        for one in others
        if one.ranked.trial.trial_id in on_front
    ]
    named += [
        (ensemble_name(one), _Entry([ensembles.candidates[place] for place in one.members], one))
        for one in ensembles.best
    ]
    return {entry.finalist(name): entry for name, entry in named}
