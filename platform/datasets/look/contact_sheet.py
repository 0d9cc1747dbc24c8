"""The contact sheet of a look: one row per class, some of its images."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from platform.datasets.look.look import ClassCount, Look, in_turn
from platform.datasets.look.opened import thumbnails
from platform.datasets.preparation.listing import Listing
from platform.datasets.preview.preview_sheet import BACKGROUND, GREY, INK, MARGIN, TEXT
from platform.datasets.preview.sheet_font import font_for

CELL, GAP, NAME, ROW = 96, 6, 200, 96 + 6
IMAGES_A_CLASS, CLASSES = 8, 40
FONT = ImageFont.load_default(TEXT)


def draw_contact_sheet(found: Look, listing: Listing) -> Image.Image:
    """The largest and the smallest classes, with up to eight images that can be read of each."""
    classes = _shown(found)
    readable = {one.path for one in found.opened if not one.reason}
    rows = listing.rows.iloc[in_turn(listing.rows)]
    rows = rows[rows["path"].isin(readable)]
    width = NAME + IMAGES_A_CLASS * (CELL + GAP) + 2 * MARGIN
    sheet = Image.new("RGB", (width, 2 * MARGIN + 2 * TEXT + len(classes) * ROW), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN // 2), f"{found.source}: {found.images:,} images", GREY, FONT)
    for place, one in enumerate(classes):
        paths = rows["path"][rows["label"] == one.name].tolist()[:IMAGES_A_CLASS]
        top = MARGIN + 2 * TEXT + place * ROW
        shown = _short(one.name)
        name_font = font_for(shown, TEXT)
        if name_font is None:
            shown, name_font = _number(place), FONT
        draw.text((MARGIN, top + CELL // 2 - TEXT), shown, INK, name_font)
        draw.text((MARGIN, top + CELL // 2 + 2), f"{one.total:,}", GREY, FONT)
        _paste(sheet, thumbnails(listing.source, paths, found.kept), top)
    return sheet


def names_beside(found: Look) -> list[str]:
    """``class 2: NAME`` for each class whose name no font here can write, as the sheet calls it."""
    return [
        f"{_number(place)}: {one.name}"
        for place, one in enumerate(_shown(found))
        if font_for(_short(one.name), TEXT) is None
    ]


def _shown(found: Look) -> list[ClassCount]:
    ordered = sorted(found.classes, key=lambda one: -one.total)
    return ordered if len(ordered) <= CLASSES else [*ordered[: CLASSES // 2], *ordered[-CLASSES // 2 :]]


def _number(place: int) -> str:
    return f"class {place + 1}"


def _paste(sheet: Image.Image, images: Sequence[Image.Image], top: int) -> None:
    for place, image in enumerate(images):
        image = ImageOps.contain(image, (CELL, CELL), Image.Resampling.BICUBIC)
        left = MARGIN + NAME + place * (CELL + GAP)
        sheet.paste(image, (left + (CELL - image.width) // 2, top + (CELL - image.height) // 2))


def _short(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
