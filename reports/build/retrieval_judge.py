"""Judges a sweep on data with identities by retrieval: the best checkpoints, and ensembles of embeddings.

Shapes: K candidates, N images of a split, D dimensions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from platform.training.evaluation.embeddings import chosen, embedding_metrics, query_results
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Split
from platform.training.evaluation.retrieval import METRICS, Embeddings
from reports.sweeps.contents import Ensembles, EvaluatedTrial
from reports.ensembles.embedding_ensembles import concatenated, contributions, gain, grow, weighted
from reports.evaluation.checkpoints import device
from reports.build.judge import Judge
from reports.evaluation.member import Member, Predicted
from reports.ranking.paired_bootstrap import gain_metrics
from reports.ranking.rank import better
from reports.ensembles.selection import Bounds, Ensemble, Judgement


@dataclass(frozen=True)
class Embedding(Predicted):
    """What a checkpoint makes of a split: its ``metrics``, and the embedding that is compared.

    ``parameters``: how many weights its networks have; ``ms_an_image``: what it took, loading included.
    """

    embeddings_ND: Embeddings | None = None
    parameters: int = 0
    ms_an_image: float = 0.0


class RetrievalJudge(Judge):
    """A trial's prediction is what its networks' embeddings are worth on a split."""

    @property
    def headline(self) -> str:
        """The one that the sweep selected on."""
        name = self.inputs.metric.rpartition("/")[2]
        return name if name in METRICS else "recall_at_1"

    def combine(self, members: Sequence[Member]) -> Ensembles:
        """Embeddings beside each other, judged on validation by the sweep's metric.

        No ensemble where the sweep selects on one network's own metric, which several trials do not have.
        """
        evaluated = [member.evaluated for member in members]
        if self.inputs.metric.rpartition("/")[2] not in METRICS:
            return Ensembles(evaluated)
        bounds = Bounds(
            self.inputs.max_members,
            self.inputs.max_latency_ms,
            tuple(one.ms_an_image or 0.0 for one in evaluated),
        )
        embeddings_KND = [_embeddings(member.validation) for member in members]
        judge = Judgement(
            self.data.evaluation_labels("val"), self._worth, self.inputs.metric, self.inputs.mode
        )
        grown = grow(embeddings_KND, judge, bounds)
        if not grown:
            return Ensembles(evaluated)
        equal = judge.best_of(grown)
        uneven = weighted(equal, embeddings_KND, judge, bounds)
        best = [self._with_gain(one, embeddings_KND) for one in (equal, uneven) if one is not None]
        first = judge.best_of(best)
        if not better(first.metrics[judge.metric], evaluated[0].metrics[judge.metric], judge.mode):
            return Ensembles(evaluated, grown, best)
        winner = replace(first, adds=contributions(first, embeddings_KND, judge))
        best[best.index(first)] = winner
        return Ensembles(evaluated, grown, best, winner)

    def _with_gain(self, found: Ensemble, embeddings_KND: Sequence[Embeddings]) -> Ensemble:
        """With how sure it is that it helps."""
        combined_ND = concatenated([embeddings_KND[place] for place in found.members], found.learnt)
        results, single = (
            query_results(one_ND, self.data, "val") for one_ND in (combined_ND, embeddings_KND[0])
        )
        return replace(found, gain=gain(self.inputs.metric, results, single))

    def _worth(self, embeddings_ND: Embeddings) -> dict[str, float]:
        metrics = query_results(embeddings_ND, self.data, "val").metrics()
        return {f"val/{name}": value for name, value in metrics.items()}

    def _validate(self, one: EvaluatedTrial) -> tuple[EvaluatedTrial, Predicted]:
        found = self._embedded(one.checkpoint, "val")
        metrics = {f"val/{name}": value for name, value in found.metrics.items()}
        evaluated = replace(one, metrics=metrics, parameters=found.parameters, ms_an_image=found.ms_an_image)
        return evaluated, replace(found, metrics=metrics)

    def _on_test(self, one: EvaluatedTrial) -> Predicted:
        return self._embedded(one.checkpoint, "test")

    def _test_metrics(
        self,
        ensemble: Ensemble | None,
        on_test: Sequence[Predicted],
        members: Sequence[Member],
        single: Predicted,
    ) -> dict[str, float]:
        if ensemble is None:
            (alone,) = on_test
            return alone.metrics
        combined_ND = concatenated([_embeddings(one) for one in on_test], ensemble.learnt)
        found = query_results(combined_ND, self.data, "test")
        than = query_results(_embeddings(single), self.data, "test")
        return found.metrics() | gain_metrics(gain(self.headline, found, than))

    def _embedded(self, checkpoint: Folder, split: Split) -> Embedding:
        predictor = load_predictor(checkpoint.fetched(), device())
        loader = predictor.loader(self.data, split)
        started = time.perf_counter()
        embeddings_MND = predictor.network_embeddings(loader)
        ms_an_image = 1000 * (time.perf_counter() - started) / len(embeddings_MND[0])
        config = predictor.config.retrieval
        return Embedding(
            embedding_metrics(embeddings_MND, self.data, split, config),
            embeddings_ND=chosen(embeddings_MND, config),
            parameters=predictor.parameters,
            ms_an_image=ms_an_image,
        )


def _embeddings(predicted: Predicted) -> Embeddings:
    assert isinstance(predicted, Embedding)
    assert predicted.embeddings_ND is not None
    return predicted.embeddings_ND
