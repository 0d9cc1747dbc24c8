"""Evaluates trials on data with identities: a checkpoint's prediction is its embedding of every image.

Shapes: M networks, N images of a split, D dimensions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from platform.datasets.preparation.data import Data
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.embeddings import chosen, embedding_metrics, query_results
from platform.training.evaluation.prediction import Split
from platform.training.evaluation.retrieval import METRICS, Embeddings
from reports.ensembles.embedding_ensembles import concatenated, gain
from reports.ensembles.selection import Ensemble
from reports.evaluation.checkpoints import device
from reports.evaluation.members import Member, Predicted
from reports.ranking.paired_bootstrap import gain_metrics
from reports.sweeps.contents import EvaluatedTrial


@dataclass(frozen=True)
class Embedded(Predicted):
    """A checkpoint's metrics on a split, and the embeddings that are compared.

    ``parameters``: the number of weights of its networks; ``ms_an_image``: milliseconds an image, loading
    included.
    """

    embeddings_ND: Embeddings | None = None
    parameters: int = 0
    ms_an_image: float = 0.0


@dataclass(frozen=True)
class RetrievalEvaluator:
    """An :class:`.Evaluator` of trials on ``data`` with identities; the sweep selected by ``metric``."""

    metric: str
    data: Data

    @property
    def test_metric(self) -> str:
        """The metric that the sweep selected by; recall at 1 if that is a single network's."""
        name = self.metric.rpartition("/")[2]
        return name if name in METRICS else "recall_at_1"

    def validate(self, trial: EvaluatedTrial) -> Member:
        found = self._embed(trial.checkpoint, "val")
        metrics = {f"val/{name}": value for name, value in found.metrics.items()}
        evaluated = replace(
            trial, metrics=metrics, parameters=found.parameters, ms_an_image=found.ms_an_image
        )
        return Member(evaluated, replace(found, metrics=metrics))

    def predict_test(self, trial: EvaluatedTrial) -> Predicted:
        return self._embed(trial.checkpoint, "test")

    def test_metrics(
        self,
        ensemble: Ensemble | None,
        trials: Sequence[EvaluatedTrial],
        predicted: Sequence[Predicted],
        single: Predicted,
    ) -> dict[str, float]:
        if ensemble is None:
            (alone,) = predicted
            return alone.metrics
        combined_ND = concatenated([embeddings_of(one) for one in predicted], ensemble.learnt)
        found = query_results(combined_ND, self.data, "test")
        than = query_results(embeddings_of(single), self.data, "test")
        return found.metrics() | gain_metrics(gain(self.test_metric, found, than))

    def _embed(self, checkpoint: Folder, split: Split) -> Embedded:
        predictor = load_predictor(checkpoint.fetched(), device())
        loader = predictor.loader(self.data, split)
        started = time.perf_counter()
        embeddings_MND = predictor.network_embeddings(loader)
        ms_an_image = 1000 * (time.perf_counter() - started) / len(embeddings_MND[0])
        config = predictor.config.retrieval
        return Embedded(
            embedding_metrics(embeddings_MND, self.data, split, config),
            embeddings_ND=chosen(embeddings_MND, config),
            parameters=predictor.parameters,
            ms_an_image=ms_an_image,
        )


def embeddings_of(predicted: Predicted) -> Embeddings:
    """[N, D] of a prediction by :class:`RetrievalEvaluator`."""
    assert isinstance(predicted, Embedded)
    assert predicted.embeddings_ND is not None
    return predicted.embeddings_ND
