"""The sizes of a few images of a source, for a plan: nothing is decoded."""

from collections.abc import Sequence

from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size
from platform.datasets.sources.image_decoding import UnreadableImage, opened, quieten_pillow
from platform.datasets.sources.source import Source


def sizes_of_some(source: Source, paths: Sequence[str], kept: KeptSize, count: int = 24) -> tuple[Size, ...]:
    """Sizes of up to ``count`` images, evenly spaced; without those that ``kept`` and damage rule out."""
    quieten_pillow()
    found = []
    for path in paths[:: max(len(paths) // count, 1)][:count]:
        try:
            with opened(source.read(path, kept.max_bytes), kept.max_pixels) as image:
                found.append(Size(image.height, image.width))
        except (OSError, UnreadableImage):
            continue  # decoding names and counts it
    return tuple(found)
