"""Evaluates classifiers: a checkpoint's prediction is the mean of its networks' class probabilities.

Shapes: M members, N samples, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from platform.datasets.preparation.data import Data
from platform.training.evaluation.classification import classification_metrics, validation_metrics
from reports.ensembles.rules import Logits, logits_of, probabilities_of
from reports.ensembles.selection import Ensemble
from reports.ensembles.temperature import temperature
from reports.evaluation.features import features
from reports.evaluation.members import Member, Predicted, tempered_logits
from reports.evaluation.predictions import kept_prediction, prediction
from reports.ranking.noisy_selection import MOST_CLASSES, Noise, estimated_noise
from reports.ranking.paired_bootstrap import gain, gain_metrics
from reports.sweeps.contents import EvaluatedTrial
from reports.sweeps.inputs import Inputs


@dataclass(frozen=True)
class ClassificationEvaluator:
    """An :class:`.Evaluator` of the trials of ``inputs`` on ``data`` with classes.

    ``noise``: of the given validation labels, as several trials' predictions show it; None if these are the
    true labels, or nothing was estimated yet.
    """

    inputs: Inputs
    data: Data
    noise: Noise | None = None

    @property
    def test_metric(self) -> str:
        return "accuracy"

    def validate(self, trial: EvaluatedTrial) -> Member:
        """Read the prediction that an earlier report kept, or predict; fit the temperature to it."""
        sweep = self.inputs if trial.soup else self.inputs.owner(trial.ranked.trial)[0]
        kept = kept_prediction(trial.checkpoint, trial.digest, self.data, sweep.folder.path, trial.view)
        metrics = validation_metrics(kept.probabilities_MNC, self.data)
        evaluated = replace(
            trial,
            metrics=metrics,
            temperature=self.temperature(logits_of(kept.mean_NC)),
            parameters=kept.parameters,
            ms_an_image=kept.ms_an_image,
        )
        return Member(evaluated, Predicted(metrics, kept.mean_NC))

    def temperature(self, logits_NC: Logits) -> float:
        """The temperature that fits a prediction of validation, under the labels' noise if it is known."""
        transition_CC = None if self.noise is None else self.noise.transition_CC
        return temperature(logits_NC, self.data.evaluation_labels("val"), transition_CC)

    def knowing_noise(self, members: Sequence[Member]) -> tuple["ClassificationEvaluator", list[Member]]:
        """This evaluator with the noise that the members' mean prediction shows, and them calibrated by it.

        The mean is of their probabilities at the temperatures that fit the given labels: these keep a network
        that is too sure from passing its errors off as the labels'. Where predictions miss too many right
        labels to tell these errors apart, the noise stays unknown.
        """
        if self.data.val_label == "clean" or len(self.data.classes) > MOST_CLASSES:
            return self, list(members)
        mean_NC = np.mean([probabilities_of(member.logits_NC) for member in members], axis=0)
        noise = estimated_noise(mean_NC, self.data.given("val"))
        if not noise.is_sure:
            return self, list(members)
        knowing = replace(self, noise=noise)
        return knowing, [knowing._calibrated(member) for member in members]

    def _calibrated(self, member: Member) -> Member:
        fitting = self.temperature(logits_of(member.validation.of_classes_NC))
        return replace(member, evaluated=replace(member.evaluated, temperature=fitting))

    def predict_test(self, trial: EvaluatedTrial) -> Predicted:
        return Predicted({}, prediction(trial.checkpoint, self.data, "test", trial.view).mean_NC)

    def test_metrics(
        self,
        ensemble: Ensemble | None,
        trials: Sequence[EvaluatedTrial],
        predicted: Sequence[Predicted],
        single: Predicted,
    ) -> dict[str, float]:
        if ensemble is not None and ensemble.kind == "concat":
            combined_NC = ensemble.combine_features(
                [features(trial.checkpoint, self.data, "test") for trial in trials]
            )
        else:
            logits_MNC = np.stack([tempered_logits(*pair) for pair in zip(trials, predicted, strict=True)])
            combined_NC = (
                ensemble.combine(logits_MNC)
                if ensemble
                else probabilities_of(logits_MNC[0]).astype(np.float32)
            )
        labels_N = self.data.evaluation_labels("test")
        metrics = classification_metrics(combined_NC, labels_N, self.data.classes)
        if ensemble is None:
            return metrics
        return metrics | gain_metrics(gain(self.test_metric, combined_NC, single.of_classes_NC, labels_N))
