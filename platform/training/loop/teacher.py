"""The setting ``teacher``: trained networks that a trial's network learns from.

Shapes: B images, C classes, K projection heads, D_k dimensions of head k.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from platform.config.errors import UserError
from platform.methods import ProjectsFeatures, build_method
from platform.models.normalisation import Normalisation, convert_input
from platform.storage.folder import Folder
from platform.training.checkpoints.description import read_description
from platform.training.checkpoints.loading import STATE, load_predictor, read_state
from platform.training.errors import CheckpointError
from platform.training.evaluation.prediction import Predictor
from platform.training.loop.stages import StagePlan


class Teacher(nn.Module):
    """A checkpoint's networks, and the projection heads of the first, if it has any.

    It sees the student's images, with the normalisation and size of its own training, and is always in eval
    mode. ``dims``: (D_1 … D_K), empty without heads.
    """

    def __init__(self, predictor: Predictor, heads: ProjectsFeatures | None, given: Normalisation) -> None:
        """``given``: the normalisation of the student's images."""
        super().__init__()
        self.networks = nn.ModuleList(predictor.networks)
        self.heads = heads
        self.dims = heads.dims if heads is not None else ()
        self.image_size = predictor.image_size
        convert_input(self, given, predictor.normalisation)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Teacher":
        """Stay in eval mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Logits [B, C] (of several networks the log of the mean probability) and projections [B, D_k]."""
        size = tuple(self.image_size)
        if images.shape[2:] != size:
            images = F.interpolate(images, size, mode="bilinear", antialias=True)
        projections: Sequence[Tensor] = ()
        if self.heads is None:
            first_BC = self.networks[0](images)
        else:
            first_BC, projections = self.heads.project(self.networks[0], images)
        if len(self.networks) == 1:
            return (first_BC, *projections)
        logits = [first_BC, *(network(images) for network in self.networks[1:])]
        mean_BC = torch.stack([each_BC.float().softmax(1) for each_BC in logits]).mean(0)
        return (mean_BC.clamp_min(torch.finfo(mean_BC.dtype).tiny).log(), *projections)


def load_teacher(folder: str, classes: Sequence[str], given: Normalisation, device: torch.device) -> Teacher:
    """Load the teacher of a trial with these ``classes``, whose images are normalised as ``given``.

    Raises UserError if there is no checkpoint, or it has other classes.
    """
    try:
        path = Folder.of(folder).fetched()
        predictor = load_predictor(path, device)
        predictor.check_classes(classes)
        heads = _heads(path, predictor)
    except UserError as error:
        raise UserError(f"teacher: {error}") from error
    return Teacher(predictor, heads, given)


def _heads(folder: Path, predictor: Predictor) -> ProjectsFeatures | None:
    """The projection heads that the method trained with the first network."""
    state = read_state(folder / STATE)["companions"][0]
    epoch = read_description(folder)["epoch"]
    stage = StagePlan(predictor.config, images=0).at_epoch(max(epoch - 1, 0))
    method = build_method(
        predictor.config.phases[stage].method, torch.ones(len(predictor.classes), dtype=torch.int64)
    )
    companion = method.companion(predictor.networks[0])
    if not isinstance(companion, ProjectsFeatures):
        return None
    assert isinstance(companion, nn.Module)
    if missing := companion.load_state_dict(state, strict=False).missing_keys:
        raise CheckpointError(f"{folder / STATE}: lacks {missing[0]} of its projection heads")
    companion.to(predictor.device).eval()
    return companion
