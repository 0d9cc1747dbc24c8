"""timm's resampling of position embeddings and tables to another image size."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_warning() -> Iterator[None]:
    """Silence torch's warnings about timm's interpolation, which users cannot change."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"timm\.layers\.interpolate")
        yield
