"""From trained networks to probabilities and embeddings.

Shapes: M networks, N samples, C classes, D dimensions.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.datasets.errors import counted, listed
from platform.datasets.image_size import Size
from platform.datasets.batches.loader import EVALUATION, Batch, EvalLoader, Part
from platform.datasets.batches.prediction_views import Look, View
from platform.models.heads.embedding import embed
from platform.models.normalisation import Normalisation
from platform.training.evaluation.classification import Probabilities
from platform.training.optimisation.precision import Precision, autocast
from platform.training.evaluation.retrieval import Embeddings, combine
from platform.training.trial.trial_config import TrialConfig

Split = Literal["train", "val", "test"]


@torch.no_grad()  # not inference_mode: what a network caches in it would be of no use to training
def network_probabilities(
    networks: Sequence[nn.Module], loader: Iterable[Batch], *, precision: Precision, channels_last: bool
) -> Probabilities:
    """Each network's probabilities [M, N, C] of the loader's images, all in one pass over them."""
    device = next(networks[0].parameters()).device
    for network in networks:
        network.eval()
    parts: list[torch.Tensor] = []
    for batch in loader:
        images = to_layout(batch.images, channels_last=channels_last)
        with autocast(precision, device):
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
    """Each network's embeddings [N, D] of the loader's images, all in one pass over them.

    ``flip``: the mean of the image's and its mirror image's, each of unit length.
    """
    device = next(networks[0].parameters()).device
    for network in networks:
        network.eval()
    parts: list[list[Embeddings]] = [[] for _ in networks]
    for batch in loader:
        images = to_layout(batch.images, channels_last=channels_last)
        views = [images, images.flip(3)] if flip else [images]
        for network, own in zip(networks, parts, strict=True):
            with autocast(precision, device):
                embedded = [embed(network, view) for view in views]
            own.append(combine([each.float().cpu().numpy() for each in embedded], "mean"))
    return [np.concatenate(own).astype(np.float32) for own in parts]


def to_layout(images: torch.Tensor, *, channels_last: bool) -> torch.Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return images.contiguous(memory_format=layout)


class Predictor:
    """The networks of one checkpoint, ready to predict; its prediction is the mean of their probabilities.

    Of an image they see what they saw in their last evaluation: ``image_size``, and whether its ``whole``.
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
    ) -> None:
        self.config = config
        self.classes = classes
        self.networks = tuple(networks)
        self.normalisation = normalisation
        self.image_size = image_size
        self.whole = whole
        self.precision = precision

    @property
    def parameters(self) -> int:
        """How many weights its networks have together."""
        return sum(weight.numel() for network in self.networks for weight in network.parameters())

    def loader(
        self, data: Data, split: Split, look: Look = EVALUATION, part: Part | None = None
    ) -> EvalLoader:
        """The split's images as this predictor's networks take them, in the order of ``data.rows(split)``."""
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
            look=look,
        )

    def check_classes(self, classes: Sequence[str]) -> None:
        """Raises UserError where the data's ``classes`` are not those that the networks know."""
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
            channels_last=self.config.channels_last,
        )

    def view_probabilities(self, data: Data, split: Split, view: View) -> Probabilities:
        """Each network's own probabilities [M, N, C] of the split's images: the mean over the view's looks.

        The view's image size is not looked at: it is to be this predictor's already.
        """
        looks = [self.network_probabilities(self.loader(data, split, look)) for look in view.looks]
        mean_MNC: Probabilities = np.mean(looks, axis=0, dtype=np.float32)
        return mean_MNC

    def network_embeddings(self, loader: Iterable[Batch]) -> list[Embeddings]:
        """Each network's own embeddings [N, D], of images and, if so configured, their mirror images."""
        return network_embeddings(
            self.networks,
            loader,
            flip=self.config.retrieval.flip,
            precision=self.precision,
            channels_last=self.config.channels_last,
        )

    def features(self, data: Data, split: Split) -> Embeddings:
        """[N, D]: what the networks' classifiers take, side by side, of unit length a network."""
        parts = network_embeddings(
            self.networks,
            self.loader(data, split),
            flip=False,
            precision=self.precision,
            channels_last=self.config.channels_last,
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
    part: Part | None = None,
    look: Look = EVALUATION,
) -> EvalLoader:
    """A split's images as a trial's networks take them; ``batch_size`` is the one they were trained with."""
    return EvalLoader(
        data,
        split,
        batch_size=2 * batch_size,  # without gradients twice as many fit
        image_size=image_size,
        whole=whole,
        mean=normalisation.mean,
        std=normalisation.std,
        device=device,
        part=part,
        look=look,
    )
