"""Small pictures embedded in the page."""

import base64
from io import BytesIO
from typing import Final

from PIL import Image

from platform.datasets.errors import DataError
from platform.datasets.images.image_stores import Images

LONGEST_SIDE: Final = 96
"""px; a picture then takes about 4 KB of the page, at most 40."""

_LOSSLESS_SIDE = 32  # px up to which PNG is small, and JPEG's blocks would be seen


def thumbnail(images: Images, row: int) -> str | None:
    """One image as a data: URI, which needs no escaping; None if it can no longer be read."""
    try:
        picture = Image.fromarray(images.image(row))
    except DataError:
        return None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    is_lossless = max(picture.size) <= _LOSSLESS_SIDE
    content = BytesIO()
    if is_lossless:
        picture.save(content, "PNG", optimize=True)
    else:
        picture.save(content, "JPEG", quality=80)
    kind = "png" if is_lossless else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
