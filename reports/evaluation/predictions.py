"""Validation predictions of checkpoints, computed once each and kept in runs/NAME/validation/.

Shapes: M networks, N samples, C classes.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from platform.datasets.batches.prediction_views import PLAIN, View
from platform.datasets.preparation.data import Data
from platform.storage.folder import Folder
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.classification import Probabilities
from platform.training.evaluation.prediction import Predictor, Split
from reports.evaluation.checkpoints import device

FOLDER = "validation"
_DIGITS = 16  # of a digest in a file's name


@dataclass(frozen=True)
class Prediction:
    """Each network's probabilities [M, N, C] of a split; ``parameters``: the networks' number of weights.

    ``ms_an_image``: milliseconds for an image, loading included, on the machine that computed them.
    """

    probabilities_MNC: Probabilities
    parameters: int
    ms_an_image: float

    @property
    def mean_NC(self) -> Probabilities:
        mean: Probabilities = self.probabilities_MNC.mean(axis=0, dtype=np.float32)
        return mean


def kept_prediction(
    checkpoint: Folder, digest: str, data: Data, run_folder: Path, view: View = PLAIN
) -> Prediction:
    """Predict validation; read the prediction if it was kept for the same checkpoint, data and view.

    Raises:
        UserError: the checkpoint is broken, or its networks cannot take the view's image size.
    """
    file = kept_file(run_folder, digest, data, view)
    return kept_or_made(file, lambda: prediction(checkpoint, data, "val", view))


def kept_plain(run_folder: Path, digest: str) -> Prediction | None:
    """The validation prediction that was kept for a checkpoint, without preparing the data; None without one.

    The sweep's data are the same in all of its reports, but a joint report may have kept larger images: the
    prediction for the sweep's own image size comes first.
    """
    files = (run_folder / FOLDER).glob(f"{digest[:_DIGITS]}-{'?' * _DIGITS}.npz")
    for file in sorted(files, key=lambda one: one.stat().st_mtime_ns):
        if (kept := _kept(file)) is not None:
            return kept
    return None


def prediction(checkpoint: Folder, data: Data, split: Split, view: View = PLAIN) -> Prediction:
    """Load the checkpoint and predict the split's images."""
    return predicted_by(load_predictor(checkpoint.fetched(), device(), view.image_size), data, split, view)


def predicted_by(predictor: Predictor, data: Data, split: Split, view: View = PLAIN) -> Prediction:
    started = time.perf_counter()
    probabilities_MNC = predictor.view_probabilities(data, split, view)
    seconds = time.perf_counter() - started
    return Prediction(probabilities_MNC, predictor.parameters, 1000 * seconds / probabilities_MNC.shape[1])


def kept_file(run_folder: Path, digest: str, data: Data, view: View = PLAIN) -> Path:
    name = f"{digest[:_DIGITS]}-{digest_as_kept(data)}"
    if view != PLAIN:
        name += f"-{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:_DIGITS]}"
    return run_folder / FOLDER / f"{name}.npz"


def digest_as_kept(data: Data) -> str:
    """Digest of the data and of the size that images are kept at, which a joint report may enlarge."""
    return hashlib.sha256(data.digest.encode() + data.images.shapes.tobytes()).hexdigest()[:_DIGITS]


def kept_or_made(file: Path, make: Callable[[], Prediction]) -> Prediction:
    """Read the file; if it is missing or was cut short, call ``make`` and write its result."""
    if (kept := _kept(file)) is not None:
        return kept
    new = make()
    write_whole(file, npz(vars(new)))
    return new


def _kept(file: Path) -> Prediction | None:
    kept = read_npz(file)
    if kept is None or kept.keys() != {one.name for one in fields(Prediction)}:
        return None
    return Prediction(kept["probabilities_MNC"], int(kept["parameters"]), float(kept["ms_an_image"]))
