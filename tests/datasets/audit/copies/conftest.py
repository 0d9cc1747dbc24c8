"""Pictures with structure at every scale, as photographs have it, and an audit of a folder of them."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.audit.record import Notes
from platform.datasets.audit.scan.one_image import READING, rows_of
from platform.datasets.sources.source import FolderSource

MakePicture = Callable[..., Image.Image]


def picture_of(seed: int, width: int = 120, height: int = 96) -> Image.Image:
    """Random colours whose power falls with the frequency, as in photographs."""
    random = np.random.default_rng(seed)
    across, down = np.fft.fftfreq(width)[None, :, None], np.fft.fftfreq(height)[:, None, None]
    fall = 1 / np.maximum(np.hypot(across, down), 1 / width) ** 1.3
    waves = np.fft.fft2(random.standard_normal((height, width, 3)), axes=(0, 1)) * fall
    values = np.fft.ifft2(waves, axes=(0, 1)).real
    values = (values - values.mean()) / values.std()
    return Image.fromarray(np.clip(127 + 55 * values, 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def make_picture() -> MakePicture:
    """``make_picture(seed, width, height)``"""
    return picture_of


@dataclass(frozen=True)
class Copied:
    """A folder of pictures and copies, its audit up to the files, and what the stage then noted."""

    source: FolderSource
    folder: AuditFolder
    notes: Notes

    def findings(self, kind: str) -> pd.DataFrame:
        issues = self.folder.issues()
        return issues[issues["kind"] == kind].set_index("path")


def audited(root: Path, out: Path) -> tuple[FolderSource, AuditFolder]:
    """Tables of all files of ROOT/SPLIT/CLASS as the pass over the files writes them."""
    source, folder = FolderSource(root, str(root)), AuditFolder(out)
    rows = pd.DataFrame(rows_of(source, source.files, READING))
    rows["label"] = [path.split("/")[1] for path in rows["path"]]
    rows["split"] = [path.split("/")[0] for path in rows["path"]]
    folder.path.mkdir(parents=True)
    for name in ("phash", "phash_mirrored", "dhash", "dhash_mirrored"):
        rows[name] = rows[name].astype(np.uint64)
    pictures = pa.table({"path": rows["path"], "picture": pa.array(rows["picture"], pa.binary())})
    pq.write_table(pictures, folder.thumbnails_file)
    rows.drop(columns="picture").to_parquet(folder.images_file)
    return source, folder


def plant(root: Path) -> None:
    """24 pictures of 4 classes, copies of some, one picture under four classes, flat and damaged files."""

    def save(picture: Image.Image, path: str, quality: int = 75) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        picture.save(root / path, quality=quality)

    pictures = [picture_of(seed) for seed in range(24)]
    for seed, picture in enumerate(pictures):
        save(
            picture, f"{'test' if seed % 4 == 3 else 'train'}/{'abcd'[seed // 6]}/{seed:02d}.jpg", quality=92
        )
    shutil.copy(root / "train/a/00.jpg", root / "train/a/same_bytes.jpg")
    Image.open(root / "train/a/01.jpg").save(root / "train/a/same_pixels.png")
    save(pictures[2].resize((60, 48)), "train/a/resized.jpg")
    save(ImageOps.mirror(pictures[7]), "train/b/mirrored_of_test.jpg", quality=85)
    save(pictures[8].crop((20, 5, 116, 82)), "train/b/cropped.jpg", quality=85)
    save(ImageOps.expand(pictures[12], 9, "white"), "train/d/bordered_with_other_label.jpg", quality=85)
    for name in "abcd":
        save(picture_of(99), f"train/{name}/gone.png")
    for number, name in enumerate("abcdabcd"):
        flat = Image.new("RGB", (100 + number, 90), (200, 200 - number, 200))
        save(flat, f"train/{name}/flat{number}.png")
        (root / f"train/{name}/broken{number}.jpg").write_bytes(b"no picture")


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Copied:
    from platform.datasets.audit.copies.stage import find_copies

    root = tmp_path_factory.mktemp("copies")
    plant(root / "photos")
    source, folder = audited(root / "photos", root / "audit")
    return Copied(source, folder, find_copies(folder, source, READING))


@pytest.fixture(scope="session")
def audited_files() -> Callable[[Path, Path], tuple[FolderSource, AuditFolder]]:
    """``audited_files(root, out)``: an audit of ROOT/SPLIT/CLASS up to its files."""
    return audited
