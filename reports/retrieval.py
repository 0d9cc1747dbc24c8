"""Judges a sweep on data with identities: the best checkpoints by retrieval. (They are not ensembled.)"""

from collections.abc import Sequence
from dataclasses import replace

from platform.training.embeddings import embedding_metrics
from platform.training.folder import Folder
from platform.training.loading import load_predictor
from platform.training.prediction import Split
from platform.training.retrieval import RANKS
from reports.contents import Ensembles, EvaluatedTrial
from reports.evaluate import device
from reports.judge import Judge, Member, Predicted
from reports.selection import Ensemble


class RetrievalJudge(Judge):
    """A trial's prediction is what its networks' embeddings are worth on a split."""

    @property
    def headline(self) -> str:
        """The one that the sweep selected on."""
        name = self.inputs.metric.rpartition("/")[2]
        return name if name in {*RANKS, "map"} else "recall_at_1"

    def combine(self, members: Sequence[Member]) -> Ensembles:
        """No ensemble: the single trials as they are."""
        return Ensembles([member.evaluated for member in members])

    def _validate(self, one: EvaluatedTrial) -> tuple[EvaluatedTrial, Predicted]:
        metrics = {f"val/{name}": value for name, value in self._retrieval(one.checkpoint, "val").items()}
        return replace(one, metrics=metrics), Predicted(metrics)

    def _on_test(self, one: EvaluatedTrial) -> Predicted:
        return Predicted(self._retrieval(one.checkpoint, "test"))

    def _test_metrics(
        self, ensemble: Ensemble | None, on_test: Sequence[Predicted], members: Sequence[Member]
    ) -> dict[str, float]:
        (single,) = on_test
        return single.metrics

    def _retrieval(self, checkpoint: Folder, split: Split) -> dict[str, float]:
        predictor = load_predictor(checkpoint.fetched(), device())
        embeddings = predictor.network_embeddings(predictor.loader(self.data, split))
        return embedding_metrics(embeddings, self.data, split, predictor.config.retrieval)
