"""The first lines of a plan and of a sweep: what the data are, in short."""

from collections.abc import Iterator

from platform.datasets.image_size import Size
from platform.datasets.preparation.data import Summary

FAR_LARGER = 3
"""Images whose shorter side is this many times that of image_size lose what a person would look at."""
LARGEST_ADVISED = 224  # px: what pretrained backbones were trained at
STEP = 32  # px: backbones halve an image five times


def data_line(data: Summary) -> str:
    """``photos (class_folders): 10 classes of 3 to 300 training images; 900 train, 100 val; 500x375 px``."""
    rows = ", ".join(f"{count:,} {split}" for split, count in data.rows.items())
    if data.unlabelled:
        rows += f"; {data.unlabelled:,} of train have no label"
    small, large = min(data.class_sizes, default=0), max(data.class_sizes, default=0)
    of = f" of {small:,} to {large:,} training images" if small < large else ""
    sizes = f"; {_sizes(data.image_sizes)} px" if data.image_sizes else ""
    return f"{data.source} ({data.reader}): {len(data.classes)} classes{of}; {rows}{sizes}"


def too_large_for(image_size: Size, data: Summary) -> Iterator[str]:
    """A line where images are far larger than ``image_size``, with what a larger one costs."""
    if not data.image_sizes:
        return
    middle = data.image_sizes[len(data.image_sizes) // 2]
    if min(middle) < FAR_LARGER * max(image_size):
        return
    advised = min(min(middle) // STEP * STEP, LARGEST_ADVISED)
    if advised <= max(image_size):
        return
    cost = advised * advised / image_size.area
    yield (
        f"Images are {middle.width}x{middle.height} px and are learnt at {image_size}: details of less than "
        f"{min(middle) // max(image_size)} px are lost. image_size={advised} shows more and costs about "
        f"{cost:.0f} times the computation of an epoch."
    )


def _sizes(sizes: tuple[Size, ...]) -> str:
    first, last = (f"{size.width}x{size.height}" for size in (sizes[0], sizes[-1]))
    return first if first == last else f"{first} to {last}"
