"""A sweep on what a crawler leaves: what is said, listed and on the page, and every image is predicted."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reports.__main__ import main
from tests.forked import run_forked

pytestmark = pytest.mark.sweep

SPACE = """
name: crawl
epochs: 1
batch_size: 8
image_size: 8
augment: {crop: padded, padding: 1, horizontal_flip: 0.0}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {name: sgd, lr: 0.05}
"""
HEIC = b"\0\0\0\x18ftypheic" + bytes(40)


@pytest.fixture
def crawl(tmp_path):
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        for number in range(12):
            file = tmp_path / "photos" / name / (f"{number}.jpg" if number % 2 else f"{number}")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (12, 12, 3), dtype=np.uint8)).save(file, "JPEG")
    (tmp_path / "photos" / "bird").mkdir()
    (tmp_path / "photos" / "bird" / "1.HEIC").write_bytes(HEIC)
    (tmp_path / "photos" / "cat" / "page.jpg").write_text("<html>404</html>")
    return tmp_path / "photos"


def test_a_crawl_from_its_folder_to_predictions(crawl, run_search, environment, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    done = run_search(tmp_path / "space.yaml", f"data.source={crawl}", "data.max_bad=0.1")
    assert done.returncode == 0, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert "No class was made of bird/: no image in it can be read." in said
    assert "12 images without an image's ending were told by the first bytes" in said
    assert "cat/page.jpg: not an image, but an HTML page" in said

    [folder] = (tmp_path / "runs").iterdir()
    assert pd.read_csv(folder / "passed_over.csv")["path"].tolist() == ["bird/1.HEIC"]
    sentences = json.loads((folder / "data_remarks.json").read_text())
    page = " ".join((folder / "report" / "index.html").read_text().split())
    assert len(sentences) == 3 and "No class was made of bird/" in page

    predicted = run_forked(main, [str(folder), "--predict", str(crawl)], environment, tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    rows = pd.read_csv(folder / "predictions.csv").set_index("path")["label"]
    bad = pd.read_csv(folder / "predictions.bad.csv")["path"].tolist()
    assert len(rows) == 26 and rows.isna().sum() == 2 and bad == ["bird/1.HEIC", "cat/page.jpg"]

    moved = crawl.rename(tmp_path / "elsewhere")
    again = run_search(tmp_path / "space.yaml", f"data.source={moved}", "data.max_bad=0.1", "--resume")
    assert again.returncode == 0, again.stderr
    assert str(moved) in (folder / "space.yaml").read_text()
