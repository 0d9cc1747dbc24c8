"""What the evaluated finalists show of the data: how they do class by class, and which labels they doubt."""

from collections.abc import Sequence
from dataclasses import replace

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from reports.evaluation.members import Member
from reports.evaluation.probe import probed
from reports.findings.classes import class_findings
from reports.findings.probe import Probe
from reports.findings.suspect_precision import estimated_precision
from reports.findings.suspects import Suspects, suspects, with_pictures
from reports.sweeps.contents import Explained
from reports.sweeps.inputs import Inputs


def explained(members: Sequence[Member], inputs: Inputs, data: Data, notices: list[str]) -> Explained:
    """Findings by class of the first member, suspect labels of all, and the probe that it should beat.

    ``members``: the best first; ``notices`` says why there is no probe, if its weights are gone.
    """
    best = members[0]
    probabilities_NC = best.validation.probabilities_NC
    trial = best.evaluated.ranked.trial.trial_id
    classes = None if probabilities_NC is None else class_findings(trial, probabilities_NC, data)
    checkpoints = [(one.evaluated.ranked.trial.trial_id, one.evaluated.checkpoint) for one in members]
    found = suspects(checkpoints)
    suspect = found and with_pictures(_estimated(found, members, data), data)
    return Explained(classes, suspect, _probe(best, inputs, data, notices))


def _probe(best: Member, inputs: Inputs, data: Data, notices: list[str]) -> Probe | None:
    try:
        return probed(best, inputs, data)
    except (UserError, OSError) as error:
        notices.append(f"The best trial was not compared with a probe: {error}")
        return None


def withheld(findings: Explained) -> Explained:
    """The findings without the list of suspect labels, as the finalists are no better than chance."""
    if findings.suspects is None or findings.suspects.withheld:
        return findings
    why = "The finalists are no better than chance on validation, so what they reject says nothing"
    return replace(findings, suspects=replace(findings.suspects, withheld=why, shown=[]))


def _estimated(found: Suspects, members: Sequence[Member], data: Data) -> Suspects:
    """With the list's precision, estimated on the given labels of validation, unless true labels tell it."""
    probabilities = [one.validation.probabilities_NC for one in members]
    known = [one_NC for one_NC in probabilities if one_NC is not None]
    if found.caught is not None or not known:
        return found
    return replace(found, estimate=estimated_precision(known, data.given("val")))
