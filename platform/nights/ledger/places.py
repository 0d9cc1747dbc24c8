"""Where a night keeps what it is compared by: state/nights/NIGHT@DATE/."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NightFolder:
    path: Path

    @classmethod
    def of(cls, state: Path, identity: str) -> "NightFolder":
        return cls(state / "nights" / identity)

    @property
    def measured(self) -> Path:
        """Each subject's values by seed and image."""
        return self.path / "measured.npz"

    @property
    def log(self) -> Path:
        """What the night's commands printed."""
        return self.path / "log.txt"

    @property
    def stop(self) -> Path:
        """Exists once the night was asked to stop; it says why."""
        return self.path / "stop"

    @property
    def lock_file(self) -> Path:
        """The requirements.lock of the night."""
        return self.path / "requirements.lock"

    def space(self, subject: str) -> Path:
        """The space as the plan has it, with its overrides."""
        return self.path / f"{subject}.yaml"

    def labels(self, subject: str) -> Path:
        """The data: a row for each image, with the columns path, label and split."""
        return self.path / f"{subject}.labels.parquet"
