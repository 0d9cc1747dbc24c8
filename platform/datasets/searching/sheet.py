"""The contact sheet of a search: the examples, then what looks like them, the likest first."""

from collections.abc import Sequence

import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont, ImageOps

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.look.contact_sheet import CELL, GAP
from platform.datasets.preview.preview_sheet import BACKGROUND, GREY, INK, MARGIN, TEXT
from platform.datasets.searching.search import EXAMPLE, Found
from platform.datasets.searching.seeds import picture_of

COLUMNS, SMALL = 10, 12
EXAMPLES = 10
HEADING = 2 * TEXT
FONT, SMALL_FONT = ImageFont.load_default(TEXT), ImageFont.load_default(SMALL)


def draw_search(folder: AuditFolder, found: Found) -> Image.Image:
    """The first examples, and all images that were found, each with its score."""
    is_example = found.table["nearest"] == EXAMPLE
    examples = found.table["path"][is_example].tolist()[:EXAMPLES]
    others = found.table[~is_example]
    pictures = _thumbnails(folder, [*examples, *others["path"]])
    shown = [*(pictures.get(path) for path in examples), *found.seeds.others]
    blocks = [
        (f"examples of {found.name}: {len(found.seeds):,}", [(one, "") for one in shown[:EXAMPLES]]),
        (
            f"{len(others):,} images like them, by {found.by}",
            [
                (pictures.get(path), f"{score:.2f}")
                for path, score in zip(others["path"], others["score"], strict=True)
            ],
        ),
    ]
    height = sum(HEADING + _rows(cells) * (CELL + SMALL + 2 * GAP) + MARGIN for _, cells in blocks)
    sheet = Image.new("RGB", (2 * MARGIN + COLUMNS * (CELL + GAP), MARGIN + height), BACKGROUND)
    top = MARGIN
    for heading, cells in blocks:
        top = _draw_block(sheet, heading, cells, top)
    return sheet


def _draw_block(
    sheet: Image.Image, heading: str, cells: Sequence[tuple[Image.Image | None, str]], top: int
) -> int:
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, top), heading, INK, FONT)
    top += HEADING
    for place, (picture, words) in enumerate(cells):
        left = MARGIN + place % COLUMNS * (CELL + GAP)
        upper = top + place // COLUMNS * (CELL + SMALL + 2 * GAP)
        if picture is not None:
            small = ImageOps.contain(picture, (CELL, CELL), Image.Resampling.BICUBIC)
            sheet.paste(small, (left + (CELL - small.width) // 2, upper + (CELL - small.height) // 2))
        draw.text((left + CELL // 2, upper + CELL + GAP), words, GREY, SMALL_FONT, anchor="ma")
    return top + _rows(cells) * (CELL + SMALL + 2 * GAP) + MARGIN


def _rows(cells: Sequence[object]) -> int:
    return -(-len(cells) // COLUMNS)


def _thumbnails(folder: AuditFolder, paths: Sequence[str]) -> dict[str, Image.Image]:
    """The thumbnails of some images, read row group by row group."""
    places = {path: row for row, path in enumerate(folder.images(["path"])["path"])}
    wanted = {places[path]: path for path in paths}
    found: dict[str, Image.Image] = {}
    first = 0
    for batch in pq.ParquetFile(folder.thumbnails_file).iter_batches(columns=["picture"]):
        for row in range(first, first + batch.num_rows):
            content = batch.column(0)[row - first].as_py() if row in wanted else None
            if content:
                found[wanted[row]] = picture_of(content)
        first += batch.num_rows
    return found
