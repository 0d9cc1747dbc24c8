"""Processes that look at images: in order, and through a crash of a decoder."""

import os
import signal

import numpy as np
import pytest
from PIL import Image

from platform.datasets.audit.scan.one_image import READING, row_of
from platform.datasets.audit.scan.workers import CRASHED, Looking, looked_at
from platform.datasets.sources.source import FolderSource

IMAGES = 150
DEADLY = "077.png"


class DeadlySource(FolderSource):
    """A folder in which reading one file ends the process, as a crash of a decoder in C would."""

    def read(self, path: str, most: int = 1 << 20) -> bytes:
        if path == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(path, most)

    def __reduce__(self):
        return DeadlySource, (self.root, self.name, None)


@pytest.fixture
def folder(tmp_path):
    for number in range(IMAGES):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number:03d}.png")
    return tmp_path


def test_the_image_on_which_a_process_dies_is_unreadable_and_all_others_are_read(folder):
    source = DeadlySource(folder, "photos")
    paths = sorted(file.name for file in folder.iterdir())
    rows = [row for batch in looked_at(Looking(source, READING), paths) for row in batch]
    assert [row["path"] for row in rows] == paths
    assert {row["path"]: row["reason"] for row in rows if not row["readable"]} == {DEADLY: CRASHED}
    assert rows[3] == row_of(source, paths[3], READING)


def test_no_paths_start_no_process(folder):
    assert list(looked_at(Looking(FolderSource(folder, "photos"), READING), [])) == []
