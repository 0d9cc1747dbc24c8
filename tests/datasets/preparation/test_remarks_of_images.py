"""What is said of images once they are decoded, and what does not end a sweep."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.images.image_stores import LazyImages
from platform.datasets.preparation.prepare import inspect, kept_size, prepare
from platform.datasets.sources.source import open_source


def config_of(source, **fields):
    return DataConfig.model_validate({"source": str(source), **fields})


def damaged_avif():
    """An AVIF file with one bit flipped, so that its decoder raises a RuntimeError."""
    pixels = np.random.default_rng(0).integers(0, 255, (15, 20, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((200, 150)).save(file, "AVIF", quality=80)
    for place in range(len(file.getvalue()) // 3, len(file.getvalue())):
        content = bytearray(file.getvalue())
        content[place] ^= 16
        try:
            Image.open(io.BytesIO(content)).load()
        except RuntimeError:
            return bytes(content)
        except (OSError, ValueError):
            continue
    raise AssertionError("no bit makes the decoder raise a RuntimeError")


def test_whatever_a_decoder_raises_is_a_bad_image(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    (tmp_path / "dog" / "broken.avif").write_bytes(damaged_avif())
    data = prepare(config_of(tmp_path, max_bad=0.2), 8)
    [bad] = data.bad
    assert bad.path == "dog/broken.avif" and bad.reason.startswith("RuntimeError: Failed to decode")
    assert len(data.manifest) == 6


def test_a_class_that_loses_all_its_images_is_named(tmp_path, make_classes):
    make_classes(tmp_path, {"a": 6, "b": 6, "c": 0})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.jpg").write_bytes(b"<html>404</html>")
    (tmp_path / "c" / "2.jpg").write_bytes(b"")
    data = prepare(config_of(tmp_path, max_bad=0.2), 8)
    assert data.classes == ("a", "b") and data.remarks.classes_without_images == ("c",)
    assert "The class c is gone: none of its training images can be read." in data.remarks.sentences()


@pytest.mark.parametrize("left", [("a",), ("a", "b")])
def test_the_refusal_names_a_class_that_lost_all_its_images(tmp_path, make_classes, left):
    for split in ("train", "test"):
        make_classes(tmp_path / split, {**dict.fromkeys(left, 4), "c": 1})
    (tmp_path / "train" / "c" / "000.png").write_bytes(b"")
    with pytest.raises(DataError, match="none of the training images of c can be read"):
        prepare(config_of(tmp_path, max_bad=0.5), 8)


def test_one_missing_image_of_a_list_counts_as_a_bad_one(tmp_path, save_image):
    for number in range(9):
        save_image(tmp_path / f"{number}.png", seed=number)
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n" + "".join(f"{number}.png,{number % 2}\n" for number in range(10)))
    assert inspect(config_of(table, max_bad=0.1)).remarks.missing == ("9.png",)
    data = prepare(config_of(table, max_bad=0.1), 8)
    assert [(bad.path, bad.reason) for bad in data.bad] == [("9.png", "not there")]
    with pytest.raises(DataError, match=r"1 of 10 listed images is not there: 9\.png"):
        inspect(config_of(table, max_bad=0.09))


def test_a_link_that_leads_nowhere_is_called_one(tmp_path, make_classes):
    make_classes(tmp_path, {"a": 5, "b": 5})
    (tmp_path / "a" / "gone.png").symlink_to("/nonexistent.png")
    data = prepare(config_of(tmp_path, max_bad=0.1), 8)
    assert data.remarks.missing == ("a/gone.png",)
    assert data.bad[0].reason == "a link to /nonexistent.png, which is not there"


def test_exact_copies_across_splits_and_labels_are_counted(tmp_path, make_classes):
    make_classes(tmp_path / "train", {"a": 4, "b": 4})
    make_classes(tmp_path / "val", {"c": 0})
    shutil.copytree(tmp_path / "train" / "a", tmp_path / "val" / "a")
    shutil.copy(tmp_path / "train" / "a" / "000.png", tmp_path / "train" / "b" / "copy.png")
    remarks = prepare(config_of(tmp_path), 8).remarks
    assert remarks.copies_of_training == {"val": 4} and remarks.copies_under_labels == 1
    assert remarks.classes_without_validation == ("b",) and remarks.classes == 2
    assert "1 of 2 classes have no image in the val split (b)" in " ".join(remarks.sentences())


def green_only(folder):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
        for number in range(4):
            pixels = np.zeros((12, 12, 3), np.uint8)
            pixels[..., 1] = random.integers(0, 200, (12, 12))
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_a_channel_with_one_value_becomes_zero_and_is_said(tmp_path):
    data = prepare(config_of(green_only(tmp_path)), 8)
    assert data.std[0] == data.std[2] == 1 and 0 < data.std[1] < 1
    assert data.remarks.flat_channels == ("red", "blue")


@pytest.fixture
def twelve_bits(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(4):
            values = random.integers(0, 4096, (12, 12)).astype(np.uint16)
            values[0, 0] = 4095
            Image.fromarray(values).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_twelve_bits_in_sixteen_are_said_and_scaled_by_data_bits(twelve_bits):
    dark = prepare(config_of(twelve_bits), 12)
    assert dark.remarks.used_bits == 12 and "data.bits=12" in dark.remarks.sentences()[0]
    assert dark.images.image(0).max() == 15
    bright = prepare(config_of(twelve_bits, bits=12), 12)
    assert bright.remarks.used_bits == 0 and bright.images.image(0).max() == 255


def test_a_value_beyond_data_bits_is_a_bad_image(twelve_bits):
    with pytest.raises(DataError, match="a value of 4095, and data.bits is 10"):
        prepare(config_of(twelve_bits, bits=10), 12)


def test_images_that_are_decoded_on_access_use_data_bits_too(twelve_bits):
    data = prepare(config_of(twelve_bits, bits=12), 12)

    kept = kept_size(config_of(twelve_bits, bits=12), 12)
    lazy = LazyImages(open_source(str(twelve_bits)), list(data.manifest["path"]), kept, data.images.shapes)
    assert np.array_equal(lazy.image(0), data.images.image(0))
