"""What can go wrong with a trial."""

from platform.config.errors import UserError


class TrainingDiverged(RuntimeError):
    """A loss that is not finite: the trial ends, and nothing of it is kept."""


class TrainingCollapsed(TrainingDiverged):
    """Networks that predict (nearly) one class for all images."""


class TrialError(UserError):
    """A trial that cannot be run as it says on this machine."""


class CheckpointError(UserError):
    """A checkpoint that is incomplete, broken, or of something else than what it is loaded into."""
