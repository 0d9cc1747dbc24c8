"""Predict with trained networks: probabilities and embeddings.

Shapes: M networks, N samples, C classes, D dimensions.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from platform.config.errors import UserError
from platform.datasets.batches.loader import Batch, EvalLoader, Part
from platform.datasets.batches.prediction_views import EVALUATION, Crop, View
from platform.datasets.errors import counted, listed
from platform.datasets.image_size import Size
from platform.datasets.preparation.data import Data
from platform.models.heads.embedding import embed
from platform.models.normalisation import Normalisation
from platform.training.evaluation.classification import Probabilities
from platform.training.evaluation.retrieval import Embeddings, combine
from platform.training.optimisation.precision import Precision, autocast, tensor_float32
from platform.training.trial.trial_config import TrialConfig

Split = Literal["train", "val", "test"]


@torch.no_grad()  # not inference_mode: what a network caches in it would be of no use to training
def network_probabilities(
    networks: Sequence[nn.Module], loader: Iterable[Batch], *, precision: Precision, channels_last: bool
) -> Probabilities:
    """Predict each network's probabilities [M, N, C] in one pass over the loader's images."""
    device = next(networks[0].parameters()).device
    for network in networks:
        network.eval()
    parts: list[torch.Tensor] = []
    for batch in loader:
        images = to_layout(batch.images, channels_last=channels_last)
        with autocast(precision, device), tensor_float32(device):
            logits = [network(images) for network in networks]
        parts.append(torch.stack([logits_BC.float().softmax(1) for logits_BC in logits]))
    probabilities: Probabilities = torch.cat(parts, dim=1).cpu().numpy()
    return probabilities


@torch.no_grad()
def network_embeddings(
    networks: Sequence[nn.Module],
    loader: Iterable[Batch],
    *,
    flip: bool,
    precision: Precision,
    channels_last: bool,
) -> list[Embeddings]:
    """Compute each network's embeddings [N, D] in one pass over the loader's images.

    ``flip``: average the embeddings of the image and its mirror image, each scaled to unit length.
    """
    device = next(networks[0].parameters()).device
    for network in networks:
        network.eval()
    parts: list[list[Embeddings]] = [[] for _ in networks]
    for batch in loader:
        images = to_layout(batch.images, channels_last=channels_last)
        views = [images, images.flip(3)] if flip else [images]
        for network, own in zip(networks, parts, strict=True):
            with autocast(precision, device), tensor_float32(device):
                embedded = [embed(network, view) for view in views]
            own.append(combine([each.float().cpu().numpy() for each in embedded], "mean"))
    return [np.concatenate(own).astype(np.float32) for own in parts]


def to_layout(images: torch.Tensor, *, channels_last: bool) -> torch.Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return images.contiguous(memory_format=layout)


class Predictor:
    """The networks of a checkpoint; the prediction is the mean of their probabilities.

    Images are resized as in the last evaluation of the training: to ``image_size``, and ``whole`` or cropped.
    """

    def __init__(
        self,
        config: TrialConfig,
        classes: tuple[str, ...],
        networks: Sequence[nn.Module],
        normalisation: Normalisation,
        *,
        image_size: Size,
        whole: bool,
        precision: Precision,
        channels_last: bool,
    ) -> None:
        self.config = config
        self.classes = classes
        self.networks = tuple(networks)
        self.normalisation = normalisation
        self.image_size = image_size
        self.whole = whole
        self.precision = precision
        self.channels_last = channels_last

    @property
    def parameters(self) -> int:
        """Number of weights of all networks."""
        return sum(weight.numel() for network in self.networks for weight in network.parameters())

    def loader(
        self, data: Data, split: Split, crop: Crop = EVALUATION, part: Part | None = None
    ) -> EvalLoader:
        """Load the split's images for these networks, in the order of ``data.rows(split)``."""
        self.check_classes(data.classes)
        return eval_loader(
            data,
            split,
            batch_size=self.config.batch_size,
            image_size=self.image_size,
            whole=self.whole,
            normalisation=self.normalisation,
            device=self.device,
            part=part,
            crop=crop,
        )

    def check_classes(self, classes: Sequence[str]) -> None:
        """Raise UserError if the data's ``classes`` are not those of the networks."""
        if tuple(classes) != self.classes:
            raise UserError(
                f"the checkpoint knows {counted(len(self.classes), 'class', 'classes')} "
                f"({listed(self.classes)}), the data have {len(classes)} ({listed(classes)})"
            )

    @property
    def device(self) -> torch.device:
        return next(self.networks[0].parameters()).device

    def network_probabilities(self, loader: Iterable[Batch]) -> Probabilities:
        """Each network's own probabilities, [M, N, C] float32."""
        return network_probabilities(
            self.networks,
            loader,
            precision=self.precision,
            channels_last=self.channels_last,
        )

    def view_probabilities(self, data: Data, split: Split, view: View) -> Probabilities:
        """Each network's own probabilities [M, N, C] of the split's images: the mean over the view's crops.

        The view's image size is ignored: build the predictor for it.
        """
        of_crops = [self.network_probabilities(self.loader(data, split, crop)) for crop in view.crops]
        mean_MNC: Probabilities = np.mean(of_crops, axis=0, dtype=np.float32)
        return mean_MNC

    def network_embeddings(self, loader: Iterable[Batch]) -> list[Embeddings]:
        """Each network's own embeddings [N, D], of images and, if so configured, their mirror images."""
        return network_embeddings(
            self.networks,
            loader,
            flip=self.config.retrieval.flip,
            precision=self.precision,
            channels_last=self.channels_last,
        )

    def features(self, data: Data, split: Split) -> Embeddings:
        """[N, D]: what the networks' classifiers take, side by side, of unit length a network."""
        parts = network_embeddings(
            self.networks,
            self.loader(data, split),
            flip=False,
            precision=self.precision,
            channels_last=self.channels_last,
        )
        return np.concatenate(parts, axis=1)

    def probabilities(self, loader: Iterable[Batch]) -> Probabilities:
        """The mean of the networks' probabilities, [N, C] float32."""
        mean_NC: Probabilities = self.network_probabilities(loader).mean(0, dtype=np.float32)
        return mean_NC


def eval_loader(
    data: Data,
    split: Split,
    *,
    batch_size: int,
    image_size: Size,
    whole: bool,
    normalisation: Normalisation,
    device: torch.device,
    threads: int | None = None,
    part: Part | None = None,
    crop: Crop = EVALUATION,
) -> EvalLoader:
    """Load a split's images as a trial evaluates them; ``batch_size`` is that of the training."""
    return EvalLoader(
        data,
        split,
        batch_size=2 * batch_size,  # without gradients twice as many fit
        image_size=image_size,
        whole=whole,
        mean=normalisation.mean,
        std=normalisation.std,
        device=device,
        threads=threads,
        part=part,
        crop=crop,
    )
