"""timm's resampling of position embeddings and tables to another image size."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_warning() -> Iterator[None]:
    """Silence what torch says of the code of timm's interpolation, which no user can change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"timm\.layers\.interpolate")
        yield
