"""What the finalists say beyond their metrics: of the classes, and of the training labels."""

from collections.abc import Sequence

from platform.datasets.preparation.data import Data
from reports.findings.classes import class_findings
from reports.sweeps.contents import Explained
from reports.evaluation.member import Member
from reports.findings.suspects import suspects, with_pictures


def explained(members: Sequence[Member], data: Data) -> Explained:
    """``members``: the evaluated finalists, the best first."""
    best = members[0]
    probabilities_NC = best.validation.probabilities_NC
    trial = best.evaluated.ranked.trial.trial_id
    classes = None if probabilities_NC is None else class_findings(trial, probabilities_NC, data)
    checkpoints = [(one.evaluated.ranked.trial.trial_id, one.evaluated.checkpoint) for one in members]
    found = suspects(checkpoints)
    return Explained(classes, found and with_pictures(found, data))
