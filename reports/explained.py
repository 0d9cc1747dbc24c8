"""What the finalists say beyond their metrics: of the classes, and of the training labels."""

from collections.abc import Sequence

from platform.datasets.data import Data
from reports.classes import class_findings
from reports.contents import Explained
from reports.member import Member
from reports.suspects import suspects, with_pictures


def explained(members: Sequence[Member], data: Data) -> Explained:
    """``members``: the evaluated finalists, the best first."""
    best = members[0]
    probabilities_NC = best.validation.probabilities_NC
    trial = best.evaluated.ranked.trial.trial_id
    classes = None if probabilities_NC is None else class_findings(trial, probabilities_NC, data)
    checkpoints = [(one.evaluated.ranked.trial.trial_id, one.evaluated.checkpoint) for one in members]
    found = suspects(checkpoints)
    return Explained(classes, found and with_pictures(found, data))
