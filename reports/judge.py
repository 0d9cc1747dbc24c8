"""Evaluates the best checkpoints, ensembles them on validation, and scores the finalists on test."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from platform.config.errors import UserError
from platform.datasets.data import Data
from platform.training.evaluation import Probabilities, classification_metrics, validation_metrics
from platform.training.folder import Folder
from platform.training.prediction import Split
from reports.contents import Ensembles, EvaluatedTrial, TestScore, TestScores
from reports.ensemble import rules
from reports.evaluate import checkpoint_digest, find_checkpoint, predict
from reports.finalists import Finalist, score_once
from reports.inputs import Inputs
from reports.rank import RankedTrial, better
from reports.selection import best_of, grow
from reports.words import ensemble_name

SINGLE = "best single trial"
OTHER_SINGLE = "trial "
"""What the names of other single trials begin with, which are finalists where there are several goals."""
_TOLERANCE = 0.005  # by which evaluating a checkpoint again may differ: rounding on another device


@dataclass(frozen=True)
class Predicted:
    """What a checkpoint says of a split: its metrics, and probabilities [N, C] where it classifies."""

    metrics: dict[str, float]
    probabilities_NC: Probabilities | None = None

    @property
    def of_classes_NC(self) -> Probabilities:
        assert self.probabilities_NC is not None
        return self.probabilities_NC


@dataclass(frozen=True)
class Member:
    """A trial that can be ensembled, and its prediction of validation."""

    evaluated: EvaluatedTrial
    validation: Predicted


@dataclass
class Judge:
    """Works on one sweep and its data; ``notices`` collects what a reader of the report must know."""

    inputs: Inputs
    data: Data
    notices: list[str]

    @property
    def headline(self) -> str:
        """The metric of test that is told in a sentence."""
        return "accuracy"

    def evaluate(self, chosen: Sequence[RankedTrial]) -> list[Member]:
        """The chosen trials' checkpoints, evaluated; one that cannot be loaded is named and left out."""
        members = []
        for ranked in chosen:
            try:
                members.append(self._member(ranked))
            except UserError as error:
                self.notices.append(f"Trial {ranked.trial.trial_id} was left out of the ensembles: {error}")
        return members

    def combine(self, members: Sequence[Member]) -> Ensembles:
        """Every rule's ensembles of these members, and the best of them, judged on validation alone."""
        metric, mode = self.inputs.metric, self.inputs.mode
        probabilities_KNC = np.stack([member.validation.of_classes_NC for member in members])
        grown = {
            name: grow(name, rule, probabilities_KNC, self._validation, metric, mode)
            for name, rule in rules().items()
            if len(members) > 1
        }
        best = [best_of(found, metric, mode) for found in grown.values()]
        evaluated = [member.evaluated for member in members]
        first = best_of(best, metric, mode) if best else None
        beats = first is not None and better(first.metrics[metric], evaluated[0].metrics[metric], mode)
        return Ensembles(
            evaluated, [one for found in grown.values() for one in found], best, first if beats else None
        )

    def score(
        self, members: Sequence[Member], ensembles: Ensembles, on_front: Collection[str] = ()
    ) -> TestScores | None:
        """The best single trial, others of those ``on_front``, each rule's best ensemble on test, once.

        None without a test split, and while the sweep can still go on: its finalists are not fixed then.
        """
        if not len(self.data.rows("test")):
            return None
        if self.inputs.sweep.outcome in ("running", "interrupted"):
            self.notices.append(
                "Test was not scored: the sweep is unfinished, its finalists are not fixed yet."
            )
            return None
        by_trial = {member.evaluated.ranked.trial.trial_id: member for member in members}
        others = [(trial, one) for trial, one in list(by_trial.items())[1:] if trial in on_front]
        finalists = [
            self._finalist(SINGLE, None, members[:1]),
            *(self._finalist(f"{OTHER_SINGLE}{trial}", None, [one]) for trial, one in others),
            *(
                self._finalist(ensemble_name(one), one.rule, [members[index] for index in one.members])
                for one in ensembles.best
            ),
        ]

        def measure(new: Sequence[Finalist]) -> list[dict[str, float]]:
            trials = {trial for finalist in new for trial in finalist.trials}
            predicted = {
                trial: self._predict(by_trial[trial].evaluated.checkpoint, "test") for trial in trials
            }
            return [self._test_metrics(finalist, predicted) for finalist in new]

        metrics, times = score_once(finalists, self.data.digest, self.inputs.folder.report, measure)
        scores = [
            TestScore(finalist.name, finalist.trials, values)
            for finalist, values in zip(finalists, metrics, strict=True)
        ]
        labels = "clean" if self.data.clean_known("test") else "given"
        return TestScores(scores, labels, times, self.headline)

    def _member(self, ranked: RankedTrial) -> Member:
        metric = self.inputs.metric
        checkpoint = find_checkpoint(self.inputs.trials, ranked.trial, metric, self.inputs.mode)
        predicted = self._predict(checkpoint, "val")
        metrics = predicted.metrics
        if abs(metrics[metric] - ranked.best) > _TOLERANCE:
            self.notices.append(
                f"Trial {ranked.trial.trial_id}: its checkpoint evaluated again has {metric} "
                f"{metrics[metric]:.4f}, but {ranked.best:.4f} was logged during training."
            )
        evaluated = EvaluatedTrial(ranked, checkpoint, checkpoint_digest(checkpoint.fetched()), metrics)
        return Member(evaluated, predicted)

    def _predict(self, checkpoint: Folder, split: Split) -> Predicted:
        probabilities_MNC, mean_NC = predict(checkpoint, self.data, split)
        of_val = split == "val"
        return Predicted(validation_metrics(probabilities_MNC, self.data) if of_val else {}, mean_NC)

    def _validation(self, probabilities_NC: Probabilities) -> dict[str, float]:
        return validation_metrics(probabilities_NC[None], self.data)

    def _test_metrics(self, finalist: Finalist, predicted: dict[str, Predicted]) -> dict[str, float]:
        members_MNC = np.stack([predicted[trial].of_classes_NC for trial in finalist.trials])
        combined_NC = rules()[finalist.rule](members_MNC) if finalist.rule else members_MNC[0]
        return classification_metrics(combined_NC, self.data.evaluation_labels("test"), self.data.classes)

    @staticmethod
    def _finalist(name: str, rule: str | None, members: Sequence[Member]) -> Finalist:
        return Finalist(
            name,
            rule,
            tuple(member.evaluated.ranked.trial.trial_id for member in members),
            tuple(member.evaluated.digest for member in members),
        )
