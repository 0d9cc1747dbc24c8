"""What an audit's commands may be followed by: shown on its page, and the first of them on the terminal."""

from collections.abc import Iterator

import pandas as pd

from platform.config.invocation import command_line, shipped_file
from platform.data.audit_stages import Audited
from platform.datasets.audit.page.page import Next

POLICY = "search_spaces/policies/careful.yaml"
ASKED_OF_PEOPLE = ("wrong_label", "conflicting_labels", "off_topic")
"""Kinds that the review page asks about."""


def following(audited: Audited, issues: pd.DataFrame) -> list[Next]:
    """The commands, the most useful first."""
    return list(_following(audited, issues))


def _following(audited: Audited, issues: pd.DataFrame) -> Iterator[Next]:
    folder, record = str(audited.folder.path), audited.record
    if issues["kind"].isin(ASKED_OF_PEOPLE).any():
        yield Next(
            "Look at the doubtful labels and say right, wrong or off-topic, by keyboard:",
            command_line("platform.data", "labels", folder),
        )
    if len(issues):
        yield Next(
            "Decide by a policy what happens to the images, as a manifest that data.source takes; no image "
            "is touched:",
            command_line("platform.data", "clean", folder, "--policy", shipped_file(POLICY)),
        )
    if record.notes.get("labels", {}).get("refused"):
        yield Next(
            "Judge the labels by what a sweep on these images knows (NAME stands for your sweep's name):",
            command_line("platform.data", "audit", record.source, "--out", folder, "--sweep", "runs/NAME"),
        )
    if "copies" in record.stages and set(audited.listing.rows["split"]) == {"train"}:
        shares = ("--val", "0.1", "--test", "0.1")
        yield Next(
            "Hold out validation and test images so that copies of a picture stay together:",
            command_line("platform.data", "split", record.source, "--groups", folder, *shares),
        )
