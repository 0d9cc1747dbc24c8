"""Fetches published weights before the sweep, once, so that no trial fails for want of them."""

from collections.abc import Callable

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.models.build import build
from platform.models.errors import ModelError
from platform.tuning.settings.sweep_config import SweepConfig


def fetch_pretrained(loaded: LoadedSpace[SweepConfig], classes: int, say: Callable[[str], None]) -> None:
    """Build each pretrained network of the space, which downloads weights that this machine does not have.

    Raises UserError if they cannot be had, with the way to bring them by file.
    """
    fetched: set[str] = set()
    for corner in loaded.corners():
        trial = corner.trial()
        if trial.init_from is not None:
            continue
        for model in trial.models:
            if not model.pretrained or model.backbone in fetched:
                continue
            say(f"weights of {model.backbone}")
            try:
                build(model, classes, trial.phases[0].image_size)
            except ModelError as error:
                raise UserError(f"model.pretrained: {error}; {_by_file(model.backbone)}") from error
            fetched.add(model.backbone)


def _by_file(backbone: str) -> str:
    from timm.models import get_pretrained_cfg

    published = get_pretrained_cfg(backbone, allow_unregistered=True)
    place = published.hf_hub_id if published is not None else None
    where = f"model.safetensors of https://huggingface.co/{place}" if place else "its weights"
    return (
        f"without a connection, bring {where} from another machine, and set model.pretrained=false "
        f"model.weights=FILE"
    )
