"""What was measured of a subject in one night: a metric by seed, and by seed and image."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One metric of one subject in one night. S: seeds, N: validation images.

    Attributes:
        values: By the seed's number; equal numbers are equal seeds on every night. A seed that failed is
            missing, or its value is not finite.
        images_SN: Each seed's value of the metric per validation image, the seeds in the order of ``values``;
            the mean over N is the seed's value. None where the metric is no mean over images.
    """

    values: dict[int, float]
    images_SN: FloatArray | None = None

    @property
    def finished(self) -> dict[int, float]:
        """The finite values by seed, in the order of the seeds' numbers."""
        return {seed: self.values[seed] for seed in sorted(self.values) if math.isfinite(self.values[seed])}

    def array(self) -> FloatArray:
        """The finite values [S], in the order of the seeds' numbers."""
        return np.array(list(self.finished.values()), dtype=np.float64)

    def images_of(self, seed: int) -> FloatArray:
        """The values per image [N] of a seed."""
        assert self.images_SN is not None
        images_N: FloatArray = self.images_SN[list(self.values).index(seed)]
        return images_N

    def equals(self, other: "Measured") -> bool:
        """Whether each seed that finished here has the same value there, to the bit, on each image too."""
        mine, theirs = self.finished, other.finished
        if len(mine) < 2 or any(theirs.get(seed) != value for seed, value in mine.items()):
            return False
        if self.images_SN is None or other.images_SN is None:
            return True
        return all(np.array_equal(self.images_of(seed), other.images_of(seed)) for seed in mine)
