"""Check, before the sweep, that every trial of a space can be built."""

from collections.abc import Sequence
from functools import cache, partial

import torch

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.methods import build_method
from platform.models.build import build_blank
from platform.models.errors import ModelError
from platform.models.heads.embedding import embedding_width
from platform.models.input_size import set_image_size
from platform.models.layers import set_trainable
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation
from platform.models.weights import check_weights
from platform.training.checkpoints.initial_weights import InitialWeights, read_initial_weights
from platform.training.loop.teacher import load_teacher
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.settings.sweep_config import SweepConfig


def check_buildable(loaded: LoadedSpace[SweepConfig], classes: Sequence[str]) -> None:
    """Build each network of the space, without weights, and take it through its stages.

    Raises UserError, in one line, for an image size that a network does not accept, a layer that it does not
    have, weights that are missing or of another architecture, or a teacher with other ``classes``.
    """
    dims = cache(partial(_teacher_dims, classes=tuple(classes)))
    widths: dict[tuple[object, ...], int] = {}
    for corner in loaded.corners():
        trial = corner.trial()
        stages = tuple(
            (phase.image_size, phase.trainable, phase.method.model_dump_json()) for phase in trial.phases
        )
        starts = read_initial_weights(trial) or (None,) * len(trial.models)
        own = []
        for model, start in zip(trial.models, starts, strict=True):
            key = (model.model_dump_json(), stages, start, trial.teacher)
            if key not in widths:
                widths[key] = _take_through_stages(trial, model, start, len(classes), dims(trial.teacher))
            own.append(widths[key])
        if loaded.first().data.identities is not None:
            _check_widths(trial, own)


def _check_widths(trial: TrialConfig, widths: Sequence[int]) -> None:
    of = trial.retrieval
    if of.networks == "all" and of.combination == "mean" and len(set(widths)) > 1:
        raise UserError(
            f"retrieval.combination: mean needs embeddings of equal widths, but the networks' have "
            f"{' and '.join(map(str, widths))} dimensions: take concatenation, or give both an embedding"
        )


def _teacher_dims(teacher: str | None, classes: tuple[str, ...]) -> tuple[int, ...] | None:
    if teacher is None:
        return None
    normalisation = Normalisation((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # nothing passes through it here
    return load_teacher(teacher, classes, normalisation, torch.device("cpu")).dims


def _take_through_stages(
    trial: TrialConfig,
    model: ModelConfig,
    start: InitialWeights | None,
    classes: int,
    teacher_dims: tuple[int, ...] | None,
) -> int:
    """The width of the network's embedding."""
    network = build_blank(start.fit(model) if start else model, classes, trial.phases[0].image_size)
    if start is not None:
        check_weights(network, start.file)
    size = trial.phases[0].image_size
    for place, phase in enumerate(trial.phases):
        try:
            if phase.image_size != size:
                set_image_size(network, model, phase.image_size)
            set_trainable(network, phase.trainable)
            counts = torch.ones(classes, dtype=torch.int64)
            build_method(
                phase.method, counts, teacher_dims=teacher_dims, cosine_scale=model.cosine_scale
            ).companion(network)
        except ModelError as error:
            where = f"stages.{place}: " if trial.stages else ""
            raise UserError(f"{where}{error}") from error
        size = phase.image_size
    return embedding_width(network)
