"""What can be ensembled: a trial, the same in another view, a soup; and what it says.

N: samples, C: classes.
"""

from dataclasses import dataclass

import numpy as np

from platform.training.evaluation.classification import Probabilities
from reports.sweeps.contents import EvaluatedTrial
from reports.ensembles.rules import Logits, logits_of


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
