"""Types of the NumPy arrays that this layer's modules pass to each other."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
"""Labels, manifest rows, sizes and boxes in px."""

Pixels = npt.NDArray[np.uint8]
"""8-bit RGB, channels last: [..., 3]."""
