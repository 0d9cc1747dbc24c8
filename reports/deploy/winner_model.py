"""The winner away from its sweep: exported networks, the rule and what makes an image their input.

A model in MLflow holds this module and those that it imports, in a package of their own, and nothing else of
this project: what is imported here goes with every model. N: images, M: members, C: classes.
"""

import io
import json
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.sources.image_decoding import Pixels, decode_image, quieten_pillow
from platform.datasets.image_size import as_size
from platform.datasets.batches.prediction_views import Look
from platform.datasets.batches.crop_windows import cut
from reports.ensembles.concat import classify, side_by_side
from reports.ensembles.rules import Probabilities, logits_of, probabilities_of, rules

DESCRIPTION = "model.json"
LEARNT = "learnt.npz"
AT_ONCE = 64  # images decoded and predicted together


class WinnerModel:
    """Predicts images with what lies in ``folder``, on the GPU if there is one."""

    def __init__(self, folder: Path) -> None:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        self.classes: list[str] = told["classes"]
        self._kept = KeptSize(as_size(told["kept"]["limit"]), as_size(told["kept"]["side"]))
        self._rule, self._kind, self._temperature = told["rule"], told["kind"], float(told["temperature"])
        self._learnt: dict[str, npt.NDArray[Any]] = {}
        if (folder / LEARNT).exists():
            with np.load(folder / LEARNT) as learnt:
                self._learnt = {name: learnt[name] for name in learnt.files}
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._members = [_Member(folder, one, self._device) for one in told["members"]]

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """``label``, ``probability`` and, for each class, ``p_CLASS`` of each image.

        ``model_input``: image paths and pixels (RGB [H, W, 3] of 0 to 255, arrays or nested lists), as a list
        or as the only column of a DataFrame. ``params`` are none. ValueError for anything else.
        """
        images = _listed(model_input)
        starts = range(0, len(images), AT_ONCE)
        parts = [self._probabilities(images[start : start + AT_ONCE]) for start in starts]
        said_NC = np.concatenate(parts) if parts else np.empty((0, len(self.classes)), dtype=np.float32)
        names = np.array(self.classes, dtype=object)
        columns = {f"p_{name}": said_NC[:, place] for place, name in enumerate(self.classes)}
        best = {"label": names[said_NC.argmax(axis=1)], "probability": said_NC.max(axis=1, initial=0.0)}
        return pd.DataFrame(best | columns)

    def _probabilities(self, images: Sequence[Any]) -> Probabilities:
        pictures = [np.array(_decoded(image, self._kept)) for image in images]
        if self._kind == "concat":
            features_ND = side_by_side([member.said(pictures) for member in self._members])
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
    def __init__(self, folder: Path, told: dict[str, Any], device: str) -> None:
        self._size, self._whole = as_size(told["image_size"]), bool(told["whole"])
        self._looks = [Look.model_validate(one) for one in told["looks"]]
        self._temperature = np.float32(told["temperature"])
        self._device = device
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`torch\.jit\..*` is deprecated")
            self._network = torch.jit.load(str(folder / told["file"]), device)

    def logits(self, pictures: Sequence[Pixels]) -> Probabilities:
        """[N, C], at the member's temperature."""
        logits_NC: Probabilities = logits_of(self.said(pictures)) / self._temperature
        return logits_NC

    @torch.no_grad()
    def said(self, pictures: Sequence[Pixels]) -> Probabilities:
        """What its file gives, probabilities [N, C] or features [N, D]: the mean over its looks."""
        said = [self._network(self._pixels(pictures, look)).cpu().numpy() for look in self._looks]
        mean_NC: Probabilities = np.mean(said, axis=0, dtype=np.float32)
        return mean_NC

    def _pixels(self, pictures: Sequence[Pixels], look: Look) -> torch.Tensor:
        frame = look.frame(self._size, whole=self._whole)
        boxes_N4 = frame.boxes(np.array([picture.shape[:2] for picture in pictures]))
        down, right = look.corner(self._size, frame.canvas)
        windows = (slice(down, down + self._size.height), slice(right, right + self._size.width))
        seen = [cut(*pair, frame.canvas)[windows] for pair in zip(pictures, boxes_N4, strict=True)]
        pixels = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2)
        return (pixels.flip(3) if look.mirrored else pixels).to(self._device)


def _load_pyfunc(data_path: str) -> WinnerModel:
    """What MLflow calls to load the model."""
    return WinnerModel(Path(data_path))


def _listed(model_input: Any) -> Sequence[Any]:
    """The images one by one: paths or arrays."""
    if isinstance(model_input, pd.DataFrame):
        if model_input.shape[1] != 1:
            raise ValueError(f"needs one column of images, got {', '.join(map(str, model_input))}")
        return list(model_input.iloc[:, 0])
    if isinstance(model_input, Iterable) and not isinstance(model_input, str):
        return list(model_input)
    raise ValueError(f"needs a list of images, got {type(model_input).__name__}")


def _decoded(image: Any, kept: KeptSize) -> Image.Image:
    quieten_pillow()
    if isinstance(image, str | Path):
        return decode_image(Path(image).read_bytes(), kept)
    pixels = np.asarray(image)
    is_rgb = pixels.ndim == 3 and pixels.shape[2] == 3 and np.issubdtype(pixels.dtype, np.integer)
    if not is_rgb or pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
        raise ValueError(f"needs RGB pixels [H, W, 3] of 0 to 255, got {pixels.dtype} {list(pixels.shape)}")
    content = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(content, "png", compress_level=0)  # the way of files
    return decode_image(content.getvalue(), kept)
