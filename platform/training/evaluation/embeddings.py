"""Metrics of retrieval, computed from the embeddings of a split's images.

Shapes: M networks, N images, D dimensions (they differ between networks).
"""

from collections.abc import Sequence

import numpy as np

from platform.datasets.preparation.data import Data
from platform.training.evaluation.prediction import Split
from platform.training.evaluation.retrieval import Embedded, Embeddings, Found, combine, find
from platform.training.trial.retrieval_config import RetrievalConfig


def chosen(embeddings: Sequence[Embeddings], config: RetrievalConfig) -> Embeddings:
    """Combine the networks' embeddings of each image into the one [N, D] that is compared."""
    if len(embeddings) == 1:
        return embeddings[0]
    if config.networks != "all":
        return embeddings[("first", "second").index(config.networks)]
    return combine(embeddings, config.combination)


def embedding_metrics(
    embeddings: Sequence[Embeddings], data: Data, split: Split, config: RetrievalConfig
) -> dict[str, float]:
    """Compute the metrics of a split's queries and gallery, and each network's recall_at_1 and map.

    ``embeddings``: one [N, D] per network, for the images of ``data.rows(split)``.
    """
    metrics = query_results(chosen(embeddings, config), data, split).metrics()
    if len(embeddings) > 1:
        for number, own_ND in enumerate(embeddings, start=1):
            own = query_results(own_ND, data, split).metrics()
            metrics |= {f"{name}_network_{number}": own[name] for name in ("recall_at_1", "map")}
    return metrics


def query_results(embeddings_ND: Embeddings, data: Data, split: Split) -> Found:
    """How well each query of a split finds its identity in the split's gallery."""
    rows = data.rows(split)
    identities, cameras = (
        data.evaluation_labels(split),
        data.manifest["camera"].to_numpy(dtype=np.int64)[rows],
    )
    roles = data.manifest["role"].to_numpy()[rows]
    query, gallery = (
        Embedded(embeddings_ND[roles == role], identities[roles == role], cameras[roles == role])
        for role in ("query", "gallery")
    )
    return find(query, gallery)
