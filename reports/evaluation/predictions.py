"""What checkpoints say of validation, computed once each and kept in runs/NAME/validation/.

Shapes: M networks, N samples, C classes.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from platform.datasets.preparation.data import Data
from platform.datasets.batches.prediction_views import PLAIN, View
from platform.training.evaluation.classification import Probabilities
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Predictor, Split
from reports.evaluation.checkpoints import device
from platform.storage.whole_files import npz, read_npz, write_whole

FOLDER = "validation"
_DIGITS = 16  # of a digest: enough to tell files apart


@dataclass(frozen=True)
class Prediction:
    """Each network's probabilities [M, N, C] of a split; ``parameters``: how many weights the networks have.

    ``ms_an_image``: milliseconds that it took an image, with the loading of the images, on the machine where
    it was computed.
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
    """Of validation: read where a report computed it before, of these very files, data and view.

    Raises:
        UserError: the checkpoint is broken, or cannot be brought to the view's image size.
    """
    file = kept_file(run_folder, digest, data, view)
    return kept_or_made(file, lambda: prediction(checkpoint, data, "val", view))


def prediction(checkpoint: Folder, data: Data, split: Split, view: View = PLAIN) -> Prediction:
    """Loads the checkpoint and predicts the split's images."""
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
    """Of the data and of how large their images are kept: larger in a joint report of larger inputs."""
    return hashlib.sha256(data.digest.encode() + data.images.shapes.tobytes()).hexdigest()[:_DIGITS]


def kept_or_made(file: Path, make: Callable[[], Prediction]) -> Prediction:
    """What the file keeps; where there is none, or one that was cut short, it keeps what is made."""
    kept = read_npz(file)
    if kept is not None and kept.keys() == {one.name for one in fields(Prediction)}:
        return Prediction(kept["probabilities_MNC"], int(kept["parameters"]), float(kept["ms_an_image"]))
    made = make()
    write_whole(file, npz(vars(made)))
    return made
