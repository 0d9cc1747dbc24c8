"""What checkpoints said of validation is used again for the same images, kept as large, alone."""

import numpy as np
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from reports.evaluation.predictions import kept_file


@pytest.fixture
def prepared(tmp_path):
    noise = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(6):
            pixels = noise.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    config = DataConfig(source=str(tmp_path / "images"), val_share=0.5)
    return lambda image_size: prepare(config, image_size)


def test_images_that_are_kept_larger_have_predictions_of_their_own(prepared, tmp_path):
    small, again, large = (prepared(size) for size in (8, 8, 32))
    assert small.digest == large.digest, "the files are the same"
    files = [kept_file(tmp_path, "f" * 64, data) for data in (small, again, large)]
    assert files[0] == files[1] != files[2]
