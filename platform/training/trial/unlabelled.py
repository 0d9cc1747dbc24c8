"""Whether a trial can learn from images without a label."""

from platform.methods import SECTIONS
from platform.training.errors import TrialError
from platform.training.trial.trial_config import TrialConfig


def refuse_unlabelled(config: TrialConfig, images: int) -> None:
    """Raise :class:`TrialError` if ``images`` of train have no label and a phase needs labels."""
    if not images:
        return
    for place, phase in enumerate(config.phases):
        path = f"stages.{place}." if config.stages else ""
        if not phase.method.takes_unlabelled:
            able = ", ".join(name for name, section in SECTIONS.items() if section.takes_unlabelled)
            raise TrialError(
                f"{path}method.name: {phase.method.name} cannot learn from the {images:,} training images "
                f"without a label ({able} can): leave them out with data.unlabelled: leave_out"
            )
        if phase.augment.mixing is not None:
            raise TrialError(
                f"{path}augment.mixing: must be null, as {images:,} training images have no label that could "
                "be mixed (data.unlabelled: use)"
            )
