"""What ``data.imbalance`` and ``data.noise`` did to the data on purpose: counts, and one line on each."""

from dataclasses import dataclass

from platform.datasets.data_config import ColumnNoise, DataConfig
from platform.datasets.errors import counted


@dataclass(frozen=True)
class Injected:
    """Counts of training images before the val split is held out of them.

    Attributes:
        left_out: Images that ``data.imbalance`` removed, of ``images``.
        replaced: Labels that ``data.noise`` changed, of ``labels``.
    """

    left_out: int = 0
    images: int = 0
    replaced: int = 0
    labels: int = 0

    def lines(self, config: DataConfig) -> list[str]:
        """One line each for imbalance and noise, as far as they are on."""
        found = []
        if config.imbalance > 1:
            found.append(
                f"data.imbalance {config.imbalance:g} leaves out {self.left_out:,} of "
                f"{counted(self.images, 'training image')}"
            )
        if config.noise is not None:
            means = (
                f"takes the labels from {config.noise.column}: {self.replaced:,} of {self.labels:,} differ"
                if isinstance(config.noise, ColumnNoise)
                else f"makes {self.replaced:,} of {counted(self.labels, 'training label')} wrong"
            )
            found.append(f"data.noise {config.noise.kind} {means}")
        return found


NOTHING_INJECTED = Injected()
