"""Where rounds keep what they learn from and are compared by: state/NAME/ and its round-K/."""

from dataclasses import dataclass
from pathlib import Path

BASE = "base.parquet"
"""The manifest of round 1, relative to the rounds' folder: splits and given labels."""
PAGE = "index.html"
UNDONE = "undone"
"""Folder of the rounds that were taken back."""


def sweep_name(name: str, number: int) -> str:
    """ "birds-round-2": names a round's sweep and its run in MLflow."""
    return f"{name}-round-{number}"


@dataclass(frozen=True)
class RoundFolder:
    path: Path

    @classmethod
    def of(cls, rounds: Path, number: int) -> "RoundFolder":
        return cls(rounds / f"round-{number}")

    @property
    def log(self) -> Path:
        """What the round's commands printed."""
        return self.path / "log.txt"

    @property
    def audit(self) -> Path:
        """The audit of the round before, by which this round's data were cleaned."""
        return self.path / "audit"

    @property
    def cleaned(self) -> Path:
        """The manifest as the policy left it."""
        return self.path / "cleaned.parquet"

    @property
    def data(self) -> Path:
        """The table that the round's sweep learns from."""
        return self.path / "data.parquet"

    @property
    def pseudo_labels(self) -> Path:
        """What the winner of the round before predicts for images without a label."""
        return self.path / "pseudo_labels.csv"

    @property
    def values(self) -> Path:
        """The best trial's values on each validation image."""
        return self.path / "values.npz"
