"""Copies made on purpose: what people and web sites do to a picture before they publish it again."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

CROP = 0.8  # of each side


def reencoded(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    return compressed(picture, int(random.integers(40, 81)))


def resized(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    share = random.uniform(0.4, 0.75)
    size = max(round(picture.width * share), 8), max(round(picture.height * share), 8)
    return compressed(picture.resize(size, Image.Resampling.BICUBIC), 85)


def cropped(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A window of 80 % of each side, anywhere."""
    width, height = max(round(CROP * picture.width), 1), max(round(CROP * picture.height), 1)
    left = int(random.integers(0, picture.width - width + 1))
    top = int(random.integers(0, picture.height - height + 1))
    return compressed(picture.crop((left, top, left + width, top + height)), 85)


def mirrored(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    return compressed(ImageOps.mirror(picture), 85)


def bordered(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A border of one colour, 4 % to 10 % of the shorter side wide."""
    wide = max(round(min(picture.size) * random.uniform(0.04, 0.1)), 1)
    grey = int(random.choice([0, 128, 255]))
    return compressed(ImageOps.expand(picture, wide, (grey, grey, grey)), 85)


def watermarked(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Half-transparent words across a quarter of the height, somewhere."""
    words = Image.new("L", (60, 12), 0)
    ImageDraw.Draw(words).text((2, 0), "example.com", fill=255)
    width = max(round(picture.width * random.uniform(0.5, 0.9)), 4)
    mask = words.resize((width, max(width // 5, 2)), Image.Resampling.BILINEAR)
    left = int(random.integers(0, max(picture.width - mask.width, 1)))
    top = int(random.integers(0, max(picture.height - mask.height, 1)))
    copy = picture.copy()
    copy.paste(Image.new("RGB", mask.size, "white"), (left, top), mask.point(lambda value: value * 0.6))
    return compressed(copy, 85)


def brightened(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """20 % to 35 % brighter or darker, with a tenth more contrast."""
    factor = 1 + random.choice([-1, 1]) * random.uniform(0.2, 0.35)
    return compressed(
        ImageEnhance.Contrast(ImageEnhance.Brightness(picture).enhance(factor)).enhance(1.1), 85
    )


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    """The picture after a way through a JPEG file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


PLANTED: Final[dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]]] = {
    "re-encoded": reencoded,
    "resized": resized,
    "cropped": cropped,
    "mirrored": mirrored,
    "bordered": bordered,
    "watermarked": watermarked,
    "brightness": brightened,
}
