"""The kinds of file that ``fuzz`` damages: samples that are in order, and how each is read.

To add a kind, write its samples and its attempt, and list it in KINDS. An attempt gets a file with damaged
content in a folder of its own. It may return or raise a UserError; all else is a finding.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from platform.config.load import load_space
from platform.datasets.data_config import DataConfig
from platform.datasets.geometry import KeptSize
from platform.datasets.images.decode import decode_chunk
from platform.datasets.images.sizes import sizes_of_some
from platform.datasets.preparation.listing import list_images
from platform.datasets.sources.source import FolderSource, open_source
from platform.datasets.tables.table_files import read_table
from platform.nights.plan.plan_config import PlanConfig
from platform.tuning.settings.sweep_config import SweepConfig

from .fuzz_mutations import Mutate, mutated_bytes, mutated_text

ROOT = Path(__file__).resolve().parents[2]
KEPT = KeptSize.exactly(24)
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 80},
    "PNG": {},
    "WEBP": {"lossless": True},
    "GIF": {},
    "BMP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "JPEG2000": {},
    "TGA": {"compression": "tga_rle"},
    "PPM": {},
    "AVIF": {},
}


@dataclass(frozen=True)
class Kind:
    """``samples``: files in order; ``seeds``: those that found something once, tried in every run.

    ``first``: what a process does before its cases, as what libraries do at their first use is no finding.
    """

    samples: Callable[[], list[bytes]]
    mutate: Mutate
    name: str
    attempt: Callable[[Path], None]
    seeds: tuple[int, ...] = ()
    first: Callable[[], None] = lambda: None


def _spaces() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "search_spaces").glob("*.yaml"))]


def _plans() -> list[bytes]:
    return [path.read_bytes() for path in sorted((ROOT / "search_spaces" / "nightly").glob("*.yaml"))]


def _picture(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(file, kind, **FORMATS[kind], **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
    return file.getvalue()


def _images() -> list[bytes]:
    grey16 = io.BytesIO()
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30) * 100).save(grey16, "PNG")
    turned = [_encoded(_picture(seed), kind) for seed, kind in enumerate(FORMATS)]
    return [
        *turned,
        grey16.getvalue(),
        _encoded(_picture(9).convert("RGBA"), "PNG"),
        _encoded(_picture(8).quantize(), "GIF"),
    ]


def _zips() -> list[bytes]:
    made = []
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        for wrapped in ("", "all/"):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", method) as archive:
                for seed in range(4):
                    archive.writestr(f"{wrapped}{'ab'[seed % 2]}/{seed}.png", _encoded(_picture(seed), "PNG"))
                    archive.writestr(f"{wrapped}{'ab'[seed % 2]}/é{seed}", _encoded(_picture(seed), "JPEG"))
            made.append(file.getvalue())
    return made


def _tables() -> list[bytes]:
    frame = pd.DataFrame(
        {
            "path": ["a.jpg", "b.jpg", None] * 20,
            "label": ["x", "y", "=z()"] * 20,
            "share": [0.5, None, 2] * 20,
        }
    )
    parquet = [frame.to_parquet(index=False, compression=how) for how in ("snappy", "zstd", None)]
    return [*parquet, frame.to_csv(index=False).encode()]


def _read_image(file: Path) -> None:
    source = FolderSource(file.parent, "images")
    sizes_of_some(source, [file.name], KEPT)
    decode_chunk(source, [file.name], KEPT)


def _read_zip(file: Path) -> None:
    listing = list_images(DataConfig(source=str(file), max_bad=1))
    decode_chunk(listing.source, listing.rows["path"].tolist(), KEPT)


def _read_table(file: Path) -> None:
    ending = ".parquet" if file.read_bytes()[:3] == b"PAR" else ".csv"
    table = file.rename(file.with_suffix(ending))
    read_table(open_source(str(table)), table.name)


def _read_space(file: Path) -> None:
    load_space(file, SweepConfig)


def _read_plan(file: Path) -> None:
    load_space(file, PlanConfig)


KINDS: dict[str, Kind] = {
    "spaces": Kind(_spaces, mutated_text, "space.yaml", _read_space),
    "plans": Kind(_plans, mutated_text, "plan.yaml", _read_plan),
    "images": Kind(_images, mutated_bytes, "image.jpg", _read_image),
    "zips": Kind(_zips, mutated_bytes, "images.zip", _read_zip, seeds=(47,)),
    "tables": Kind(_tables, mutated_bytes, "table.data", _read_table),
}
