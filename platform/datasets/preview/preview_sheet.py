"""Draw the contact sheet of a preview: one block per stage, one row per image, one column per epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from platform.datasets.arrays import Pixels
from platform.datasets.image_size import Size
from platform.datasets.preview.preview import Column
from platform.datasets.preview.sheet_font import font_for

SMALLEST, LARGEST = 96, 192
"""Limits of an image's longer side on the sheet, in px."""
GAP, MARGIN, LABELS = 6, 24, 120
HEADING, TEXT, LINE = 20, 14, 20
BACKGROUND, INK, GREY = "#ffffff", "#1a1a1a", "#6b6b6b"
CHARACTER = 0.52  # width of a character, as a share of the text size
LONGEST_LABEL = 16


@dataclass(frozen=True)
class Block:
    heading: str
    text: str
    columns: Sequence[Column]

    @property
    def size(self) -> Size:
        """Size of an image on the sheet; small images are enlarged by a whole number."""
        size = Size(*self.columns[0].pictures.shape[1:3])
        longer = max(size)
        return size.scaled(-(-SMALLEST // longer) if longer < SMALLEST else min(LARGEST / longer, 1))

    @property
    def width(self) -> int:
        return LABELS + len(self.columns) * (self.size.width + GAP)

    def lines(self, width: int) -> list[str]:
        return wrap(self.text, int((width - 2 * MARGIN) / (TEXT * CHARACTER)))

    def height(self, width: int) -> int:
        rows = len(self.columns[0].pictures) * (self.size.height + GAP)
        return HEADING + GAP + (len(self.lines(width)) + 1) * LINE + rows + MARGIN


def draw_sheet(title: str, blocks: Sequence[Block], labels: Sequence[str]) -> Image.Image:
    """``labels`` name the rows, which are the same images in all blocks."""
    width = max(max(block.width for block in blocks) + 2 * MARGIN, 640)
    height = 2 * MARGIN + LINE + sum(block.height(width) for block in blocks)
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, GREY, _font(TEXT))
    top = MARGIN + LINE + GAP
    for block in blocks:
        _draw_block(sheet, draw, block, labels, top)
        top += block.height(width)
    return sheet


def _draw_block(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, block: Block, labels: Sequence[str], top: int
) -> None:
    size = block.size
    draw.text((MARGIN, top), block.heading, INK, _font(HEADING))
    top += HEADING + GAP
    for line in block.lines(sheet.width):
        draw.text((MARGIN, top), line, GREY, _font(TEXT))
        top += LINE
    for number, column in enumerate(block.columns):
        left = MARGIN + LABELS + number * (size.width + GAP)
        draw.text((left, top), column.heading, GREY, _font(TEXT))
        for row, picture in enumerate(column.pictures):
            sheet.paste(_scaled(picture, size), (left, top + LINE + row * (size.height + GAP)))
    for row, label in enumerate(labels):
        middle = top + LINE + row * (size.height + GAP) + size.height // 2
        shown = label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
        font = font_for(shown, TEXT)
        if font is None:
            shown, font = row_name(row), _font(TEXT)
        draw.text((MARGIN + LABELS - 2 * GAP, middle), shown, INK, font, anchor="rm")


def row_name(row: int) -> str:
    return f"row {row + 1}"


def unwritable(labels: Sequence[str]) -> list[str]:
    """``row 2: NAME`` for each row whose label no font here can write: the sheet says ``row 2`` there."""
    return [f"{row_name(row)}: {name}" for row, name in enumerate(labels) if font_for(name, TEXT) is None]


def _scaled(picture: Pixels, size: Size) -> Image.Image:
    image = Image.fromarray(picture)
    if image.width == size.width:
        return image
    how = Image.Resampling.NEAREST if image.width < size.width else Image.Resampling.LANCZOS
    return image.resize((size.width, size.height), how)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
