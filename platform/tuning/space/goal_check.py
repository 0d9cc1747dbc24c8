"""Check, once the data are prepared, that every trial can report the search's goals."""

from collections.abc import Sequence

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.training.evaluation.classification import shot_groups
from platform.tuning.goals import SHOTS, Goal

GPU_MEMORY = "system/gpu_memory_megabytes"


def refuse_unmeasured(goals: Sequence[Goal], data: Data, *, gpus: float) -> None:
    """Raises UserError for a goal over classes without validation images, or of a GPU that trials lack.

    ``gpus``: what each worker of a trial gets.
    """
    for metric in (goal.metric for goal in goals):
        if metric in SHOTS:
            _refuse_empty_group(metric, data)
        if metric == GPU_MEMORY and not gpus:
            raise UserError(f"search.metric: {metric} needs trials that get a GPU; here they get none")


def _refuse_empty_group(metric: str, data: Data) -> None:
    counts_C = data.class_counts().numpy()
    is_in_C = shot_groups(counts_C, data.shots)[metric.removeprefix("val/")]
    if not is_in_C[data.evaluation_labels("val")].any():
        many, few = data.shots
        raise UserError(
            f"search.metric: {metric} is of no class here: classes have {counts_C.min()} to {counts_C.max()} "
            f"training images; many-shot ones have more than {many} (data.many_shot), few-shot ones fewer "
            f"than {few} (data.few_shot)"
        )
