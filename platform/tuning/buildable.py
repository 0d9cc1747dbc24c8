"""Whether every trial of a space can be built, found out before the sweep."""

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.models.build import build_blank
from platform.models.errors import ModelError
from platform.models.input_size import set_image_size
from platform.models.layers import set_trainable
from platform.models.model_config import ModelConfig
from platform.training.initial_weights import check_initial_weights
from platform.training.trial_config import TrialConfig
from platform.tuning.sweep_config import SweepConfig


def check_buildable(loaded: LoadedSpace[SweepConfig], classes: int) -> None:
    """Build each network of the space, without weights, and take it through its stages.

    Raises UserError with one line for what cannot be: a size that a network does not take, a part that it does
    not have, weights that are missing or of another architecture.
    """
    seen: set[tuple[str, ...]] = set()
    for corner in loaded.corners():
        check_initial_weights(corner)
        for model in corner.models:
            stages = [(str(phase.image_size), phase.trainable) for phase in corner.phases]
            key = (model.model_dump_json(), *(word for stage in stages for word in stage))
            if key not in seen:
                seen.add(key)
                _take_through_stages(corner, model, classes)


def _take_through_stages(trial: TrialConfig, model: ModelConfig, classes: int) -> None:
    network = build_blank(model, classes, trial.phases[0].image_size)
    size = trial.phases[0].image_size
    for place, phase in enumerate(trial.phases):
        try:
            if phase.image_size != size:
                set_image_size(network, model, phase.image_size)
            set_trainable(network, phase.trainable)
        except ModelError as error:
            where = f"stages.{place}: " if trial.stages else ""
            raise UserError(f"{where}{error}") from error
        size = phase.image_size
