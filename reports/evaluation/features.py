"""Features of trials' networks, the inputs of their classifiers, kept like predictions.

N: samples, D: features of all networks of a trial.
"""

from pathlib import Path

from platform.datasets.preparation.data import Data
from platform.storage.folder import Folder
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Split
from platform.training.evaluation.retrieval import Embeddings
from reports.evaluation.checkpoints import device
from reports.evaluation.predictions import kept_file


def kept_features(checkpoint: Folder, digest: str, data: Data, run_folder: Path) -> Embeddings:
    """[N, D] of validation; read if an earlier report kept them for the same checkpoint and data."""
    file = kept_file(run_folder, digest, data)
    file = file.with_name(f"{file.stem}-features.npz")
    kept = read_npz(file)
    if kept is not None and kept.keys() == {"features_ND"}:
        return kept["features_ND"]
    features_ND = features(checkpoint, data, "val")
    write_whole(file, npz({"features_ND": features_ND}))
    return features_ND


def features(checkpoint: Folder, data: Data, split: Split) -> Embeddings:
    """[N, D] of the split's images.

    Raises:
        UserError: the checkpoint is broken; one of its networks has no features of one vector per image.
    """
    return load_predictor(checkpoint.fetched(), device()).features(data, split)
