"""What a review has found: counts, the share of wrong labels with its interval, what to run next."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from platform.config.invocation import command_line
from platform.datasets.audit.answers import Answer
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import counted
from platform.datasets.review.audited import Audited

Z = 1.959963984540054
"""Of a 95 % interval."""
ENOUGH = 50
"""Answers from which an audit calibrates its scores with them."""


@dataclass(frozen=True)
class Counts:
    """Images by what was said of them."""

    right: int = 0
    wrong: int = 0
    off_topic: int = 0
    unsure: int = 0

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> "Counts":
        found = Counter(one.answer for one in answers)
        return cls(found["right"], found["wrong"], found["off_topic"], found["unsure"])

    @property
    def reviewed(self) -> int:
        return self.decided + self.unsure

    @property
    def decided(self) -> int:
        return self.right + self.mislabelled

    @property
    def mislabelled(self) -> int:
        """An off-topic image shows no class, so that its label is wrong, too."""
        return self.wrong + self.off_topic


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, JASA 1927): honest for few images, and never outside [0, 1]."""
    if total == 0:
        return 0.0, 1.0
    share = hits / total
    middle = share + Z * Z / (2 * total)
    half = Z * sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def lines(audited: Audited, counts: Counts) -> list[str]:
    """The end of the command: counts, the share of wrong labels, the next commands."""
    folder = audited.folder.path
    if counts.reviewed == 0:
        return [f"reviewed 0 images of {folder}"]
    said = [
        f"reviewed {counted(counts.reviewed, 'image')} of {folder}: {counts.right:,} right, "
        f"{counts.wrong:,} wrong, {counts.off_topic:,} off-topic, {counts.unsure:,} unsure"
    ]
    if counts.decided:
        low, high = wilson(counts.mislabelled, counts.decided)
        said.append(
            f"the label is wrong in {counts.mislabelled:,} of {counts.decided:,} "
            f"({counts.mislabelled / counts.decided:.1%}, 95 % interval {low:.1%} to {high:.1%}); "
            "of the images reviewed, where suspects come first unless you asked for a sample"
        )
    if audited.scores is not None and counts.reviewed < ENOUGH:
        said.append(f"{ENOUGH - counts.reviewed} more answers calibrate the scores of the next audit")
    return [*said, *(f"next: {line}" for line in next_commands(audited, counts))]


def next_commands(audited: Audited, counts: Counts) -> list[str]:
    """Audit again, where the answers calibrate its scores; then clean."""
    folder = audited.folder.path
    clean = command_line("platform.data", "clean", folder, "--policy", "policy.yaml")
    if audited.scores is None or counts.reviewed < ENOUGH:
        return [clean]
    return [command_line("platform.data", "audit", *_audit_again(audited)), clean]


def _audit_again(audited: Audited) -> list[str | Path]:
    """The words of the command that made the audit."""
    record, default = audited.record, DataConfig(source=audited.data.source)
    words: list[str | Path] = [audited.data.source]
    for name, value in audited.data.model_dump(mode="json").items():
        if value != default.model_dump(mode="json")[name]:
            words.append(f"data.{name}={json.dumps(value, ensure_ascii=False)}")
    options = {"--min-side": record.min_side, "--sweep": record.sweep, "--folds": record.folds}
    for option, given in options.items():
        words += [option, str(given)] if given is not None else []
    return [*words, "--out", audited.folder.path]


def ordered_as(kinds: Iterable[str]) -> list[str]:
    """A line for each kind of question whose order is not plain: in which order its images come."""
    words = {
        "wrong_label": "wrong_label: of every five images three are the surest errors, one is among the "
        "least certain, one is drawn at random, so that the answers calibrate the scores",
        "sample": "sample: drawn at random, each class by its share, so that the share of wrong labels is "
        "that of all training images",
    }
    return [words[kind] for kind in kinds if kind in words]
