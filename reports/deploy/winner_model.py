"""Predicts with a shipped winner: exported networks, the rule, and the preparation of images.

A model in MLflow holds copies of this module and of all that it imports, so keep its imports few. N: images,
M: members, C: classes.
"""

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from platform.datasets.arrays import Pixels
from platform.datasets.batches.crop_windows import cut
from platform.datasets.batches.prediction_views import EVALUATION, Crop
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size, as_size
from platform.tracking.bad_request import BadRequest
from reports.deploy.request_images import decoded, images_of
from reports.ensembles.concat import classify, side_by_side
from reports.ensembles.rules import Probabilities, logits_of, probabilities_of, rules

DESCRIPTION = "model.json"
LEARNT = "learnt.npz"
ALLOWS_PATHS = "allows_paths"
"""In the description of a shipped model: whether it reads the server's files that a request names."""
AT_ONCE = 64  # images decoded and predicted together


class WinnerModel:
    """Predicts images with the files that ``--export`` wrote to ``folder``, on the GPU if there is one."""

    def __init__(self, folder: Path) -> None:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        self.classes: list[str] = description["classes"]
        kept = description["kept"]
        self._kept = KeptSize(**kept | {side: as_size(kept[side]) for side in ("limit", "side")})
        self._rule, self._kind = description["rule"], description["kind"]
        self._temperature = float(description["temperature"])
        self._allows_paths = bool(description.get(ALLOWS_PATHS, False))
        self._learnt: dict[str, npt.NDArray[Any]] = {}
        if (folder / LEARNT).exists():
            with np.load(folder / LEARNT) as learnt:
                self._learnt = {name: learnt[name] for name in learnt.files}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._members = [_Member(folder, one, self._device) for one in description["members"]]

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Each image's ``label``, its ``probability``, and ``p_CLASS`` for each class.

        ``model_input``: images (:mod:`.request_images`), as a list or as the only column of a DataFrame;
        anything else is a BadRequest, a ValueError that names the image. ``params`` is not used.
        """
        images = images_of(model_input)
        starts = range(0, len(images), AT_ONCE)
        parts = [self._probabilities(self._decoded(images, start)) for start in starts]
        predicted_NC = np.concatenate(parts) if parts else np.empty((0, len(self.classes)), dtype=np.float32)
        names = np.array(self.classes, dtype=object)
        columns = {f"p_{name}": predicted_NC[:, place] for place, name in enumerate(self.classes)}
        best = {
            "label": names[predicted_NC.argmax(axis=1)],
            "probability": predicted_NC.max(axis=1, initial=0.0),
        }
        return pd.DataFrame(best | columns)

    def _decoded(self, images: Sequence[Any], start: int) -> list[Pixels]:
        """The images from ``start`` on that are predicted together."""
        found = []
        for place, image in enumerate(images[start : start + AT_ONCE], start + 1):
            try:
                found.append(np.array(decoded(image, self._kept, allows_paths=self._allows_paths)))
            except BadRequest as error:
                raise BadRequest(f"image {place} of {len(images)} {error.message}") from None
        return found

    def _probabilities(self, pictures: Sequence[Pixels]) -> Probabilities:
        if self._kind == "concat":
            features_ND = side_by_side([member.outputs(pictures) for member in self._members])
            combined_NC = classify(features_ND, **self._learnt)
        else:
            logits_MNC = np.stack([member.logits(pictures) for member in self._members])
            if self._rule is None:
                return probabilities_of(logits_MNC[0]).astype(np.float32)
            combined_NC = rules()[self._rule].combine(logits_MNC, **self._learnt)
        if self._temperature == 1:
            return combined_NC
        return probabilities_of(logits_of(combined_NC) / self._temperature).astype(np.float32)


class _Member:
    def __init__(self, folder: Path, description: dict[str, Any], device: str) -> None:
        self._size, self._whole = as_size(description["image_size"]), bool(description["whole"])
        self._crops = [Crop.model_validate(one) for one in description["looks"]]
        self._temperature = np.float32(description["temperature"])
        self._device = device
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`torch\.jit\..*` is deprecated")
            self._network = torch.jit.load(str(folder / description["file"]), device)

    def logits(self, pictures: Sequence[Pixels]) -> Probabilities:
        """[N, C] at the member's temperature."""
        logits_NC: Probabilities = logits_of(self.outputs(pictures)) / self._temperature
        return logits_NC

    @torch.no_grad()
    def outputs(self, pictures: Sequence[Pixels]) -> Probabilities:
        """Probabilities [N, C] or features [N, D] of its file: the mean over its crops."""
        outputs = [self._network(self._pixels(pictures, crop)).cpu().numpy() for crop in self._crops]
        mean_NC: Probabilities = np.mean(outputs, axis=0, dtype=np.float32)
        return mean_NC

    def _pixels(self, pictures: Sequence[Pixels], crop: Crop) -> torch.Tensor:
        return evaluation_pixels(pictures, self._size, whole=self._whole, crop=crop).to(self._device)


def evaluation_pixels(
    pictures: Sequence[Pixels], size: Size, *, whole: bool, crop: Crop = EVALUATION
) -> torch.Tensor:
    """Pixels [N, 3, S, T] (uint8) of decoded images as evaluation sees them, or one of its crops."""
    frame = crop.frame(size, whole=whole)
    boxes_N4 = frame.boxes(np.array([picture.shape[:2] for picture in pictures]))
    down, right = crop.corner(size, frame.canvas)
    windows = (slice(down, down + size.height), slice(right, right + size.width))
    seen = [cut(*pair, frame.canvas)[windows] for pair in zip(pictures, boxes_N4, strict=True)]
    pixels = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2)
    return pixels.flip(3) if crop.mirrored else pixels


def _load_pyfunc(data_path: str) -> WinnerModel:
    """Load the model; MLflow calls this."""
    return WinnerModel(Path(data_path))
