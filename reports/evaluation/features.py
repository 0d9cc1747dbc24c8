"""What trials' networks make of images before they classify them, kept like predictions.

N: samples, D: features of all networks of a trial.
"""

from pathlib import Path

from platform.datasets.preparation.data import Data
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Split
from platform.training.evaluation.retrieval import Embeddings
from reports.evaluation.checkpoints import device
from platform.storage.whole_files import npz, read_npz, write_whole
from reports.evaluation.predictions import kept_file


def kept_features(checkpoint: Folder, digest: str, data: Data, run_folder: Path) -> Embeddings:
    """[N, D] of validation: read where a report computed them before, of these very files and data."""
    file = kept_file(run_folder, digest, data)
    file = file.with_name(f"{file.stem}-features.npz")
    kept = read_npz(file)
    if kept is not None and kept.keys() == {"features_ND"}:
        return kept["features_ND"]
    made = features(checkpoint, data, "val")
    write_whole(file, npz({"features_ND": made}))
    return made


def features(checkpoint: Folder, data: Data, split: Split) -> Embeddings:
    """[N, D] of the split's images.

    Raises:
        UserError: the checkpoint is broken; one of its networks has no features of one vector an image.
    """
    return load_predictor(checkpoint.fetched(), device()).features(data, split)
