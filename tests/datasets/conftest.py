"""Real image files for the tests of datasets."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare

SaveImage = Callable[..., Path]
MakeClasses = Callable[..., Path]


@pytest.fixture
def save_image() -> SaveImage:
    """``save_image(path, height, width, seed)`` writes an image of smooth random colours."""

    def save(path: Path, height: int = 12, width: int = 16, seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)
        return path

    return save


@pytest.fixture
def make_classes(save_image: SaveImage) -> MakeClasses:
    """``make_classes(folder, {"cat": 3, "dog": 4})`` writes that many images into one folder per class."""

    def make(folder: Path, counts: Mapping[str, int], height: int = 12, width: int = 16) -> Path:
        for place, (name, count) in enumerate(counts.items()):
            for number in range(count):
                save_image(folder / name / f"{number:03d}.png", height, width, seed=1000 * place + number)
        return folder

    return make


@pytest.fixture
def zipped() -> Callable[[Path, Path, str], Path]:
    """``zipped(folder, file, below)`` zips a folder's files, as a zip made on a Mac would be."""

    def make(folder: Path, file: Path, below: str = "") -> Path:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                name = below + path.relative_to(folder).as_posix()
                archive.write(path, name)
                if path.is_file():
                    archive.writestr(f"__MACOSX/{Path(name).parent.as_posix()}/._{path.name}", b"resources")
            archive.writestr(below + ".DS_Store", b"folder settings")
        return file

    return make


@pytest.fixture
def photographs(tmp_path: Path, make_classes: MakeClasses, save_image: SaveImage) -> Data:
    """Wide, tall, square, larger and smaller ones."""
    make_classes(tmp_path, {"cat": 8, "dog": 8}, height=80, width=110)
    save_image(tmp_path / "cat" / "tall.png", 120, 75)
    save_image(tmp_path / "dog" / "tiny.png", 20, 30)
    return prepare(DataConfig(source=str(tmp_path), decode_size=80), 72)


@pytest.fixture(scope="session")
def digits_of_16_px() -> Data:
    return prepare(DataConfig(source="digits"), 16)
