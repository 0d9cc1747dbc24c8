"""Files that are the same: the same bytes, or the same pixels in another file. N: images."""

import numpy as np
import pandas as pd

from platform.datasets.arrays import Ints


def best_first(images: pd.DataFrame) -> Ints:
    """[N]: places of the images, the best to keep first: the most pixels, then bytes, then the first path."""
    area = images["width"].to_numpy(np.int64) * images["height"].to_numpy(np.int64)
    size = images["bytes"].to_numpy(np.int64)
    return np.lexsort((np.arange(len(images)), -size, -area)).astype(np.int64)


def kept_of_equals(images: pd.DataFrame) -> Ints:
    """[N]: the best of the images that have the same pixels as each; itself where it is the best.

    Same bytes have the same pixels. Files that cannot be decoded are no copies of one another.
    """
    best = best_first(images)
    names = images["pixels"].where(images["readable"].to_numpy(np.bool_), "")
    codes_N, digests = pd.factorize(names)
    is_unknown = (names == "").to_numpy()
    codes_N = np.where(is_unknown, len(digests) + np.arange(len(codes_N)), codes_N)
    first_of_code = np.empty(len(digests) + len(codes_N), dtype=np.int64)
    first_of_code[codes_N[best[::-1]]] = best[::-1]
    kept_N: Ints = first_of_code[codes_N]
    return kept_N
