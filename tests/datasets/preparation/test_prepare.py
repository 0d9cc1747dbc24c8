import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.geometry import KeptSize
from platform.datasets.images import decode
from platform.datasets.images.available_memory import available_memory
from platform.datasets.images.decode import DecodeJob, decode_here, estimated, fits
from platform.datasets.images.image_stores import DenseImages, LazyImages, RaggedImages
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import inspect, prepare, save_bad_images, save_manifest
from platform.datasets.sources.source import open_source

NOISY_DIGITS = {"imbalance": 10, "noise": {"kind": "symmetric", "rate": 0.4}, "val_share": 0.2}


def config(**fields):
    return DataConfig.model_validate_json(json.dumps(fields))


@pytest.fixture(scope="module")
def digits() -> Data:
    return prepare(config(**NOISY_DIGITS), 16)


@pytest.fixture
def folder(tmp_path, make_classes):
    return make_classes(tmp_path / "set", {"cat": 12, "dog": 9, "owl": 11})


def test_digits_with_noise_and_imbalance(digits):
    assert digits.classes == tuple("0123456789")
    assert digits.images.shapes.tolist() == [[8, 8]] * len(digits.manifest)
    assert len(digits.rows("test")) == 359
    held = np.concatenate([digits.clean("train"), digits.clean("val")])
    counts = np.bincount(held)
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.05)
    given = np.concatenate([digits.given("train"), digits.given("val")])
    assert (given != held).sum() == round(0.4 * len(held))
    assert digits.class_counts().tolist() == np.bincount(digits.given("train"), minlength=10).tolist()
    assert digits.clean_known("train")
    assert digits.splits == ("train", "val", "test")


def test_each_row_has_its_own_image(folder):
    data = prepare(config(source=str(folder), imbalance=2, imbalance_on_purpose=True), 8)
    assert len(data.manifest) < 32
    for row, path in enumerate(data.manifest["path"]):
        image = Image.open(folder / path).resize((11, 8), Image.Resampling.BILINEAR, reducing_gap=3.0)
        assert np.array_equal(data.images.image(row), np.asarray(image))


def test_mean_and_std_are_those_of_the_training_pixels(digits, folder):
    for data in (digits, prepare(config(source=str(folder)), 8)):
        pixels = np.concatenate([data.images.image(row).reshape(-1, 3) for row in data.rows("train")]) / 255
        np.testing.assert_allclose(data.mean, pixels.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(data.std, pixels.std(axis=0), rtol=1e-9)


def test_inspect_tells_what_prepare_makes(digits, folder):
    for data, fields in (
        (digits, NOISY_DIGITS),
        (prepare(config(source=str(folder)), 8), {"source": str(folder)}),
    ):
        summary = inspect(config(**fields))
        assert summary.classes == data.classes
        assert summary.rows == {split: len(data.rows(split)) for split in data.splits}
    assert summary.reader == "class_folders"


def test_inspect_imports_nothing_slow(root):
    slow = ("sklearn", "ray", "torchvision", "timm", "mlflow")
    code = (
        "import sys\n"
        "from platform.datasets.preparation.prepare import inspect\n"
        "from platform.datasets.data_config import DataConfig\n"
        f"inspect(DataConfig()); print([name for name in {slow} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_the_digest_tells_every_change(folder, tmp_path, save_image):
    fields = {"source": str(folder), "val_share": 0.2}
    digest = prepare(config(**fields), 8).digest
    assert len(digest) == 64
    assert (
        prepare(config(**fields), 32).digest == digest
    )  # the size images are kept at is no part of the data
    copy = tmp_path / "copy"
    for path in sorted(folder.rglob("*.png"), reverse=True):
        (copy / path.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy / path.relative_to(folder))
    assert prepare(config(source=str(copy), val_share=0.2), 8).digest == digest
    assert prepare(config(**fields, seed=1), 8).digest != digest
    assert prepare(config(**fields, imbalance=2, imbalance_on_purpose=True), 8).digest != digest
    save_image(copy / "cat" / "000.png", seed=77)
    assert prepare(config(source=str(copy), val_share=0.2), 8).digest != digest
    (folder / "owl").rename(folder / "hen")
    assert prepare(config(**fields), 8).digest != digest


@pytest.mark.parametrize(
    ("image_size", "decode_size", "expected"),
    [
        (30, "auto", (30, 40)),
        (27, "auto", (30, 40)),
        (24, "auto", (24, 32)),
        (30, 15, (15, 20)),
        (4, 60, (30, 40)),
        ((27, 12), "auto", (30, 40)),
        ((24, 12), "auto", (24, 32)),
        ((12, 24), "auto", (18, 24)),
        ((24, 12), 15, (15, 20)),
    ],
)
def test_images_are_kept_as_large_as_is_useful(tmp_path, make_classes, image_size, decode_size, expected):
    make_classes(tmp_path, {"cat": 3, "dog": 3}, height=30, width=40)
    data = prepare(config(source=str(tmp_path), decode_size=decode_size), image_size)
    assert isinstance(data.images, DenseImages)
    assert data.images.image(0).shape == (*expected, 3)


def test_above_64_px_images_are_kept_as_evaluation_wants_them(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 2, "dog": 2}, height=400, width=300)
    assert prepare(config(source=str(tmp_path)), 224).images.image(0).shape == (341, 256, 3)
    assert prepare(config(source=str(tmp_path)), (256, 128)).images.image(0).shape == (293, 220, 3)


def test_images_of_several_sizes_are_ragged(folder, save_image):
    save_image(folder / "cat" / "tall.png", 40, 20)
    data = prepare(config(source=str(folder)), 12)
    assert isinstance(data.images, RaggedImages)
    row = data.manifest["path"].tolist().index("cat/tall.png")
    assert data.images.image(row).shape == (24, 12, 3)
    again = data.images.take(np.array([row, 0]))
    assert np.array_equal(again.image(0), data.images.image(row))
    assert again.shapes.tolist() == [[24, 12], [12, 16]]


def test_lazy_images_are_the_same_images(folder, save_image):
    save_image(folder / "cat" / "tall.png", 40, 20)
    source = open_source(str(folder))
    stored = decode_here(DecodeJob(source, source.files, KeptSize.exactly(12))).images
    lazy = LazyImages(source, source.files, KeptSize.exactly(12), stored.shapes)
    for row in range(len(stored)):
        assert np.array_equal(lazy.image(row), stored.image(row))
    assert np.array_equal(lazy.take(np.array([5])).image(0), stored.image(5))


def test_a_lazy_image_that_goes_missing_is_named(folder):
    source = open_source(str(folder))
    lazy = LazyImages(source, source.files, KeptSize.exactly(12), np.array([[12, 16]] * len(source.files)))
    (folder / "cat" / "000.png").unlink()
    (folder / "cat" / "001.png").write_text("overwritten")
    for row in (0, 1):
        with pytest.raises(Exception, match=rf"cat/00{row}\.png could be read when"):
            lazy.image(row)


def test_what_would_not_fit_is_estimated_and_said(folder, caplog):
    job = DecodeJob(open_source(str(folder)), open_source(str(folder)).files, KeptSize.exactly(12))
    estimate = estimated(job)
    assert fits(job, estimate, 32 * 12 * 16 * 3, "the memory") and estimate.seconds > 0
    assert not fits(job, estimate, 32 * 12 * 16 * 3 - 1, "the memory")
    assert "32 images decoded would take about 0.0 GB, more than the memory" in caplog.text


def test_without_memory_images_are_read_as_the_loader_goes(folder, monkeypatch, caplog):
    (folder / "cat" / "broken.jpg").write_text("x")
    stored = prepare(config(source=str(folder), max_bad=0.1), 8)
    monkeypatch.setattr(decode, "MEMORY_SHARE", 0)
    lazy = prepare(config(source=str(folder), max_bad=0.1), 8)
    assert isinstance(lazy.images, LazyImages)
    assert "more than half the free memory" in caplog.text
    assert (lazy.digest, lazy.mean, lazy.bad) == (stored.digest, stored.mean, stored.bad)
    for row in range(len(lazy.images)):
        assert np.array_equal(lazy.images.image(row), stored.images.image(row))


def test_free_memory_is_within_what_there_is():
    assert 0 < available_memory() <= psutil.virtual_memory().total


def test_progress_is_told(folder):
    told = []
    prepare(config(source=str(folder)), 8, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (32, 32)


def test_the_manifest_and_the_bad_images_are_written(folder, tmp_path):
    (folder / "cat" / "broken.jpg").write_text("x")
    noise = {"kind": "asymmetric", "rate": 1.0, "class_map": {"cat": "dog"}}
    data = prepare(config(source=str(folder), max_bad=0.5, noise=noise, clean_label="label"), 8)
    save_manifest(data, tmp_path / "manifest.parquet")
    save_bad_images(data, tmp_path / "bad_images.csv")
    manifest = pd.read_parquet(tmp_path / "manifest.parquet")
    assert manifest.columns.tolist() == ["path", "label", "clean", "split", "camera", "role"]
    cats = manifest[manifest["path"].str.startswith("cat/")]
    assert set(cats["label"]) == {"dog"}
    assert set(cats["clean"]) == {"cat"}
    bad = pd.read_csv(tmp_path / "bad_images.csv")
    assert bad.to_dict("records") == [
        {"path": "cat/broken.jpg", "reason": "not an image, or an unknown format"}
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad_images.csv", "manifest.parquet", "set"]


def test_an_unknown_true_label_is_missing_in_the_written_manifest(folder):
    assert prepare(config(source=str(folder)), 8).manifest_frame()["clean"].isna().all()


def test_what_metrics_compare_with(digits):
    clean = prepare(config(**NOISY_DIGITS, val_label="clean"), 16)
    assert np.array_equal(digits.evaluation_labels("val"), digits.given("val"))
    assert np.array_equal(clean.evaluation_labels("val"), clean.clean("val"))
    assert not np.array_equal(clean.given("val"), clean.clean("val"))
    assert np.array_equal(digits.evaluation_labels("test"), digits.clean("test"))
    with pytest.raises(ValueError, match="one of train, val, test, got 'dev'"):
        digits.rows("dev")


def test_true_labels_partly_known(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 4, "dog": 4})
    paths = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    split = ["train", "train", "test", "test"] * 2
    table = pd.DataFrame(
        {"path": paths, "label": list("ab") * 4, "clean": ["a", "", "a", ""] * 2, "split": split}
    )
    table.to_csv(tmp_path / "labels.csv", index=False)
    data = prepare(config(source=str(tmp_path / "labels.csv"), clean_label="clean"), 8)
    assert not data.clean_known("test")
    assert not data.clean_known("train")
    assert data.clean("test").tolist() == [0, -1, 0, -1]
    assert data.evaluation_labels("test").tolist() == [0, 1, 0, 1]
