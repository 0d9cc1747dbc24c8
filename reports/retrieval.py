"""Judges a sweep on data with identities: the best checkpoints by retrieval. (They are not ensembled.)"""

from collections.abc import Sequence

from platform.training.embeddings import embedding_metrics
from platform.training.folder import Folder
from platform.training.loading import load_predictor
from platform.training.prediction import Split
from platform.training.retrieval import RANKS
from reports.contents import Ensembles
from reports.evaluate import device
from reports.finalists import Finalist
from reports.judge import Judge, Member, Predicted


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

    def _predict(self, checkpoint: Folder, split: Split) -> Predicted:
        predictor = load_predictor(checkpoint.fetched(), device())
        embeddings = predictor.network_embeddings(predictor.loader(self.data, split))
        metrics = embedding_metrics(embeddings, self.data, split, predictor.config.retrieval)
        return Predicted({f"{split}/{name}": value for name, value in metrics.items()})

    def _test_metrics(self, finalist: Finalist, predicted: dict[str, Predicted]) -> dict[str, float]:
        (trial,) = finalist.trials
        return {name.removeprefix("test/"): value for name, value in predicted[trial].metrics.items()}
