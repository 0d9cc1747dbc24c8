"""Combines trials on data with identities into ensembles: concatenated embeddings, judged on validation.

Shapes: K candidates, N images, D dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from platform.datasets.preparation.data import Data
from platform.training.evaluation.embeddings import query_results
from platform.training.evaluation.retrieval import METRICS, Embeddings
from reports.ensembles.embedding_ensembles import concatenated, contributions, gain, grow, weighted
from reports.ensembles.selection import Bounds, Ensemble, Judgement
from reports.evaluation.members import Member
from reports.evaluation.retrieval import embeddings_of
from reports.ranking.rank import better
from reports.sweeps.contents import Ensembles
from reports.sweeps.inputs import Inputs


@dataclass(frozen=True)
class EmbeddingCombination:
    """Combines members that a :class:`reports.evaluation.retrieval.RetrievalEvaluator` evaluated."""

    inputs: Inputs
    data: Data

    def ensembles(self, members: Sequence[Member]) -> Ensembles:
        """Concatenations of the members' embeddings, judged by the sweep's metric.

        There are none if the sweep selects by a single network's metric, which several trials do not have.
        """
        evaluated = [member.evaluated for member in members]
        if self.inputs.metric.rpartition("/")[2] not in METRICS:
            return Ensembles(evaluated)
        times_ms = tuple(one.ms_an_image or 0.0 for one in evaluated)
        bounds = Bounds(self.inputs.max_members, self.inputs.max_latency_ms, times_ms)
        embeddings_KND = [embeddings_of(member.validation) for member in members]
        judge = Judgement(
            self.data.evaluation_labels("val"), self._score, self.inputs.metric, self.inputs.mode
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

    def _score(self, embeddings_ND: Embeddings) -> dict[str, float]:
        metrics = query_results(embeddings_ND, self.data, "val").metrics()
        return {f"val/{name}": value for name, value in metrics.items()}

    def _with_gain(self, ensemble: Ensemble, embeddings_KND: Sequence[Embeddings]) -> Ensemble:
        """The ensemble with its gain over the best single trial."""
        members_MND = [embeddings_KND[place] for place in ensemble.members]
        results, single = (
            query_results(one_ND, self.data, "val")
            for one_ND in (concatenated(members_MND, ensemble.learnt), embeddings_KND[0])
        )
        return replace(ensemble, gain=gain(self.inputs.metric, results, single))
