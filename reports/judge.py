"""Evaluates the best checkpoints, ensembles them on validation, and scores the finalists on test."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from platform.config.errors import UserError
from platform.datasets.data import Data
from platform.training.evaluation import Probabilities, classification_metrics, validation_metrics
from reports.contents import Ensembles, EvaluatedTrial, TestScore, TestScores
from reports.ensemble import Logits, logits_of, probabilities_of, rules
from reports.evaluate import checkpoint_digest, find_checkpoint
from reports.finalists import Finalist, score_once
from reports.inputs import Inputs
from reports.paired import gain
from reports.predictions import kept_prediction, prediction
from reports.rank import RankedTrial, better
from reports.selection import Bounds, Ensemble, Judgement, contributions, grow, taught, tempered
from reports.temperature import temperature
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

    @property
    def logits_NC(self) -> Logits:
        """At the member's own temperature, as ensembles take them."""
        return self.logits_of(self.validation)

    def logits_of(self, predicted: Predicted) -> Logits:
        return logits_of(predicted.of_classes_NC) / np.float32(self.evaluated.temperature)


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
        evaluated = [member.evaluated for member in members]
        bounds = Bounds(
            self.inputs.max_members,
            self.inputs.max_latency_ms,
            tuple(one.ms_an_image or 0.0 for one in evaluated),
        )
        candidates = bounds.highest_ranked()
        if len(candidates) < 2:
            return Ensembles(evaluated)
        logits_KNC = np.stack([member.logits_NC for member in members])
        judge = Judgement(
            self.data.evaluation_labels("val"), self._validation, self.inputs.metric, self.inputs.mode
        )
        single_NC = probabilities_of(members[0].logits_NC).astype(np.float32)
        grown: list[Ensemble] = []
        best: list[Ensemble] = []
        for rule in rules().values():
            if rule.fit:
                found, judged_NC = taught(rule, logits_KNC, judge, candidates)
            else:
                sizes = grow(rule, logits_KNC, judge, bounds)
                if not sizes:  # the best single leaves no room for a second
                    continue
                grown += sizes
                found = judge.best_of(sizes)
                judged_NC = found.combine(logits_KNC[list(found.members)])
            best.append(self._finished(found, judged_NC, single_NC, judge))
        first = judge.best_of(best)
        if better(first.metrics[judge.metric], judge.score(single_NC)[judge.metric], judge.mode):
            winner = replace(first, adds=contributions(first, logits_KNC, judge))
            best[best.index(first)] = winner
        else:
            winner = None
        return Ensembles(evaluated, grown, best, winner, _disagreement(logits_KNC))

    def _finished(
        self, found: Ensemble, judged_NC: Probabilities, single_NC: Probabilities, judge: Judgement
    ) -> Ensemble:
        """With the temperature that fits what it was judged by, and how sure it is that it helps."""
        fitting = temperature(logits_of(judged_NC), judge.labels_N)
        tempered_NC = tempered(judged_NC, fitting)
        return replace(
            found,
            temperature=fitting,
            metrics=dict(judge.score(tempered_NC)),
            gain=gain(judge.metric, tempered_NC, single_NC, judge.labels_N),
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
        chosen: dict[Finalist, Ensemble | None] = {
            self._finalist(SINGLE, None, members[:1]): None,
            **{self._finalist(f"{OTHER_SINGLE}{trial}", None, [one]): None for trial, one in others},
            **{
                self._finalist(ensemble_name(one), one.rule, [members[index] for index in one.members]): one
                for one in ensembles.best
            },
        }
        finalists = list(chosen)

        def measure(new: Sequence[Finalist]) -> list[dict[str, float]]:
            trials = {trial for finalist in new for trial in finalist.trials}
            on_test = {trial: self._on_test(by_trial[trial].evaluated) for trial in trials}
            return [
                self._test_metrics(
                    chosen[finalist],
                    [on_test[trial] for trial in finalist.trials],
                    [by_trial[trial] for trial in finalist.trials],
                )
                for finalist in new
            ]

        metrics, times = score_once(finalists, self.data.digest, self.inputs.folder.report, measure)
        scores = [
            TestScore(finalist.name, finalist.trials, values)
            for finalist, values in zip(finalists, metrics, strict=True)
        ]
        labels = "clean" if self.data.clean_known("test") else "given"
        return TestScores(scores, labels, times, self.headline)

    def _member(self, ranked: RankedTrial) -> Member:
        metric = self.inputs.metric
        sweep, own = self.inputs.owner(ranked.trial)
        checkpoint = find_checkpoint(sweep.trials, own, metric, self.inputs.mode)
        digest = checkpoint_digest(checkpoint.fetched())
        evaluated, predicted = self._validate(EvaluatedTrial(ranked, checkpoint, digest, {}))
        metrics = evaluated.metrics
        if abs(metrics[metric] - ranked.best) > _TOLERANCE:
            self.notices.append(
                f"Trial {ranked.trial.trial_id}: its checkpoint evaluated again has {metric} "
                f"{metrics[metric]:.4f}, but {ranked.best:.4f} was logged during training."
            )
        return Member(evaluated, predicted)

    def _validate(self, one: EvaluatedTrial) -> tuple[EvaluatedTrial, Predicted]:
        """What its checkpoint is worth on validation, and what ensembles must know of it."""
        sweep, _ = self.inputs.owner(one.ranked.trial)
        kept = kept_prediction(one.checkpoint, one.digest, self.data, sweep.folder.path)
        metrics = validation_metrics(kept.probabilities_MNC, self.data)
        evaluated = replace(
            one,
            metrics=metrics,
            temperature=temperature(logits_of(kept.mean_NC), self.data.evaluation_labels("val")),
            parameters=kept.parameters,
            ms_an_image=kept.ms_an_image,
        )
        return evaluated, Predicted(metrics, kept.mean_NC)

    def _on_test(self, one: EvaluatedTrial) -> Predicted:
        return Predicted({}, prediction(one.checkpoint, self.data, "test").mean_NC)

    def _validation(self, probabilities_NC: Probabilities) -> dict[str, float]:
        return validation_metrics(probabilities_NC[None], self.data)

    def _test_metrics(
        self, ensemble: Ensemble | None, on_test: Sequence[Predicted], members: Sequence[Member]
    ) -> dict[str, float]:
        logits_MNC = np.stack([one.logits_of(said) for one, said in zip(members, on_test, strict=True)])
        combined_NC = (
            ensemble.combine(logits_MNC) if ensemble else probabilities_of(logits_MNC[0]).astype(np.float32)
        )
        return classification_metrics(combined_NC, self.data.evaluation_labels("test"), self.data.classes)

    @staticmethod
    def _finalist(name: str, rule: str | None, members: Sequence[Member]) -> Finalist:
        return Finalist(
            name,
            rule,
            tuple(member.evaluated.ranked.trial.trial_id for member in members),
            tuple(member.evaluated.digest for member in members),
        )


def _disagreement(logits_KNC: Logits) -> tuple[tuple[float, ...], ...]:
    """[K, K]: the share of samples of which two members predict different classes."""
    predicted_KN = logits_KNC.argmax(axis=2)
    return tuple(tuple(float((one != other).mean()) for other in predicted_KN) for one in predicted_KN)
