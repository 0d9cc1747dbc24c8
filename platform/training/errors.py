"""What can go wrong with a trial."""

from platform.config.errors import UserError


class TrainingDiverged(RuntimeError):
    """A loss that is not finite: the trial ends before the weights are touched by it."""


class CheckpointError(UserError):
    """A checkpoint that is incomplete, broken, or of something else than what it is loaded into."""
