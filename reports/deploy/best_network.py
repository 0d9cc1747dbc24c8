"""The best single trial of a sweep as a module of torch, with the transform that its images need.

Shapes: B images, S x T: height and width of the input (px), C classes, D dimensions.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.prepare import kept_size
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.prediction import Predictor
from reports.build.build import ranked_trials
from reports.deploy.export import PixelsToFeatures, PixelsToProbabilities
from reports.deploy.winner_model import evaluation_pixels
from reports.evaluation.checkpoints import ReportError, find_checkpoint
from reports.ranking.rank import RankedTrial, number
from reports.sweeps.inputs import Inputs, read_inputs
from reports.sweeps.joint_record import read_joint_record

NOT_IN_PNG = ("CMYK", "YCbCr", "LAB", "HSV")
"""Modes of PIL's images of a few values a pixel, which a PNG file cannot hold."""


class BestNetwork(nn.Module):
    """A trial's networks (two of Peer-learning and CORE) behind one ``forward``, in float32 on the CPU.

    ``forward``: pixels [B, 3, S, T] of 0 to 255 → the mean of the networks' probabilities [B, C]; of a sweep
    on identities their embeddings [B, D], each of unit length, side by side. It is differentiable, so that
    you can train it further; the networks themselves are ``networks``, which take normalised images.

    Attributes:
        trial: the trial's number, as in ``trials.csv``.
        metric, value: what it was chosen by, and its best epoch's value on validation.
        classes: the classes in the order of the probabilities.
        image_size: S and T.
        networks: the networks of timm.
    """

    def __init__(self, predictor: Predictor, kept: KeptSize, ranked: RankedTrial, inputs: Inputs) -> None:
        super().__init__()
        self.trial, self.metric, self.value = ranked.trial.trial_id, inputs.metric, ranked.best
        self.classes = predictor.classes
        self.image_size = predictor.image_size
        embeds = inputs.data_config.identities is not None
        self._pixels = PixelsToFeatures(predictor) if embeds else PixelsToProbabilities(predictor)
        self._kept, self._whole = kept, predictor.whole

    @property
    def networks(self) -> nn.ModuleList:
        return self._pixels.networks

    def forward(self, pixels: Tensor) -> Tensor:
        result: Tensor = self._pixels(pixels)
        return result

    def transform(self, image: Any) -> Tensor:
        """Pixels [3, S, T] (uint8) of one image, resized and cropped as the trial's evaluation does it.

        ``image``: a path, the bytes of a file, a PIL image, or RGB pixels [height, width, 3] of 0 to 255. It
        serves as the ``transform`` of torchvision's ``ImageFolder``.

        Raises ReportError for an image that cannot be read.
        """
        quieten_pillow()
        try:
            picture = np.array(decode_image(_content(image), self._kept))
        except (OSError, UnreadableImage) as error:
            shown = str(image) if isinstance(image, str | Path) else type(image).__name__
            raise ReportError(f"{shown}: is no image that can be read: {error}") from None
        return evaluation_pixels([picture], self.image_size, whole=self._whole)[0]

    @torch.no_grad()
    def predict(self, image: Any) -> dict[str, float]:
        """Each class's probability for one image, the most probable first.

        Raises ReportError for a network of a sweep on identities, which gives embeddings.
        """
        if isinstance(self._pixels, PixelsToFeatures):
            raise ReportError(
                "the sweep is on identities: its network gives an image's embedding, network(pixels), and no "
                "class; platform_api.predict compares images by it"
            )
        probabilities = self(self.transform(image)[None].to(next(self.parameters()).device))[0]
        order = probabilities.argsort(descending=True).tolist()
        return {self.classes[place]: float(probabilities[place]) for place in order}

    def extra_repr(self) -> str:
        return f"trial {self.trial}, {self.metric} {number(self.value)}, image_size {list(self.image_size)}"


def best_network(run_folder: Path, trial: str | None = None) -> BestNetwork:
    """The best ranked trial that has a checkpoint, or the one called ``trial``.

    Raises:
        UserError: the folder is no sweep's; there is no such trial, or it has no checkpoint.
    """
    if read_joint_record(run_folder) is not None:
        raise ReportError(f"{run_folder}: is a joint report; name one of its sweeps")
    inputs = read_inputs(run_folder, None)
    ranking, _ = ranked_trials(inputs)
    candidates = [one for one in ranking if trial in (None, one.trial.trial_id)]
    if not candidates:
        there = ", ".join(one.trial.trial_id for one in ranking) or "none"
        raise ReportError(
            f"{run_folder}: has no ranked trial{'' if trial is None else f' {trial}'}; there are: {there}"
        )
    problems = []
    for ranked in candidates:
        try:
            checkpoint = find_checkpoint(inputs.trials, ranked.trial, inputs.metric, inputs.mode)
        except ReportError as error:
            problems.append(str(error))
        else:
            kept = kept_size(inputs.data_config, inputs.image_size)
            return BestNetwork(load_predictor(checkpoint.fetched()), kept, ranked, inputs).eval()
    raise ReportError(f"{run_folder}: {problems[0]}")


def _content(image: Any) -> bytes:
    """The image as the bytes of a file, so that it is decoded and resized as files are."""
    if isinstance(image, str | Path):
        return Path(image).read_bytes()
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if not isinstance(image, Image.Image):
        image = _of_pixels(np.asarray(image))
    if image.mode in NOT_IN_PNG:
        image = image.convert("RGB")
    content = io.BytesIO()
    image.save(content, "png", compress_level=0)
    return content.getvalue()


def _of_pixels(pixels: Any) -> Image.Image:
    try:
        return Image.fromarray(pixels)
    except TypeError:
        raise ReportError(
            "transform takes a path, a file's bytes, a PIL image or RGB pixels [height, width, 3] of uint8, "
            f"got {pixels.dtype} {list(pixels.shape)}"
        ) from None
