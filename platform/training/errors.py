"""Errors of training and of checkpoints."""

from platform.config.errors import UserError


class TrainingDiverged(RuntimeError):
    """A loss or gradient is not finite: the trial ends, and this epoch is not saved."""


class TrainingCollapsed(TrainingDiverged):
    """The networks predict (nearly) one class for all images."""


class TrialError(UserError):
    """The trial's settings cannot be run on this machine."""


class CheckpointError(UserError):
    """The checkpoint is incomplete, broken, or does not fit what it is loaded into."""
