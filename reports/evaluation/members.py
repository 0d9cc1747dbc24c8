"""Members of ensembles: checkpoints with their predictions, and how the chosen trials become members.

N: samples, C: classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from platform.config.errors import UserError
from platform.training.evaluation.classification import Probabilities
from reports.ensembles.rules import Logits, logits_of
from reports.ensembles.selection import Ensemble
from reports.evaluation.checkpoints import checkpoint_digest, find_checkpoint
from reports.ranking.rank import RankedTrial
from reports.sweeps.contents import EvaluatedTrial
from reports.sweeps.inputs import Inputs

_TOLERANCE = 0.005  # by which a checkpoint evaluated again may differ: rounding on another device


@dataclass(frozen=True)
class Predicted:
    """A checkpoint's metrics on a split, and its probabilities [N, C] if it classifies."""

    metrics: dict[str, float]
    probabilities_NC: Probabilities | None = None

    @property
    def of_classes_NC(self) -> Probabilities:
        assert self.probabilities_NC is not None
        return self.probabilities_NC


@dataclass(frozen=True)
class Member:
    """A candidate for ensembles, and its prediction of the validation split."""

    evaluated: EvaluatedTrial
    validation: Predicted

    @property
    def logits_NC(self) -> Logits:
        """Validation logits at the member's own temperature, as ensembles take them."""
        return tempered_logits(self.evaluated, self.validation)


class Evaluator(Protocol):
    """Evaluates checkpoints, by their class probabilities or by their embeddings."""

    @property
    def test_metric(self) -> str:
        """The test metric that the report's sentences quote."""
        ...

    def validate(self, trial: EvaluatedTrial) -> Member:
        """Predict the validation split; the member's trial has its metrics and costs."""
        ...

    def predict_test(self, trial: EvaluatedTrial) -> Predicted:
        """Predict the test split."""
        ...

    def test_metrics(
        self,
        ensemble: Ensemble | None,
        trials: Sequence[EvaluatedTrial],
        predicted: Sequence[Predicted],
        single: Predicted,
    ) -> dict[str, float]:
        """Metrics of an ensemble of ``trials`` from their test predictions, with its gain over ``single``.

        ``ensemble`` is None for one trial alone, which has no gain.
        """
        ...


def tempered_logits(trial: EvaluatedTrial, predicted: Predicted) -> Logits:
    """[N, C]: the prediction's logits divided by the trial's temperature."""
    return logits_of(predicted.of_classes_NC) / np.float32(trial.temperature)


def evaluate_trials(
    chosen: Sequence[RankedTrial],
    evaluator: Evaluator,
    inputs: Inputs,
    notices: list[str],
    say: Callable[[str], None],
) -> list[Member]:
    """Evaluate the chosen trials' best checkpoints on validation; ``say`` is told of each.

    A checkpoint that cannot be loaded is left out; ``notices`` names it and the reason.
    """
    members = []
    for nth, ranked in enumerate(chosen, 1):
        say(f"evaluating checkpoint {nth} of {len(chosen)} (trial {ranked.trial.trial_id})")
        try:
            members.append(_evaluate(ranked, evaluator, inputs, notices))
        except UserError as error:
            notices.append(f"Trial {ranked.trial.trial_id} was left out of the ensembles: {error}")
    if (gone := len(chosen) - len(members)) > 1:
        notices.append(f"In total {gone} of {len(chosen)} checkpoints were left out.")
    return members


def _evaluate(ranked: RankedTrial, evaluator: Evaluator, inputs: Inputs, notices: list[str]) -> Member:
    metric = inputs.metric
    sweep, own = inputs.owner(ranked.trial)
    checkpoint = find_checkpoint(sweep.trials, own, metric, inputs.mode)
    digest = checkpoint_digest(checkpoint.fetched())
    member = evaluator.validate(EvaluatedTrial(ranked, checkpoint, digest, {}))
    value = member.evaluated.metrics[metric]
    if abs(value - ranked.best) > _TOLERANCE:
        notices.append(
            f"Trial {ranked.trial.trial_id}: its checkpoint evaluated again has {metric} {value:.4f}, but "
            f"training logged {ranked.best:.4f}."
        )
    return member
