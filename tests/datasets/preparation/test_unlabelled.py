import pickle

import numpy as np
import pytest

from platform.datasets.batches.loader import EvalLoader
from platform.datasets.errors import DataError
from platform.datasets.geometry import KeptSize
from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.unlabelled import image_paths, open_images, read_blocks
from reports.deploy.predict import no_images

CLASSES = ("cat", "dog")
WHOLE = KeptSize.automatic(16)


@pytest.fixture
def folder(save_image, tmp_path):
    """Five images at several depths, two of them broken, and what is no image."""
    root = tmp_path / "photos"
    for seed, name in enumerate(("b.png", "a/z.png", "a/deep/er/x.JPG")):
        save_image(root / name, 16, 16 + seed, seed)
    (root / "a" / "empty.png").write_bytes(b"")
    (root / "c.png").write_bytes((root / "b.png").read_bytes()[:60])
    (root / "notes.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"")
    return root


PATHS = ("a/deep/er/x.JPG", "a/empty.png", "a/z.png", "b.png", "c.png")


def test_all_images_at_any_depth_are_found_in_order(folder):
    assert image_paths(open_images(str(folder))) == PATHS


def test_a_zip_holds_the_same_under_its_own_paths(folder, zipped, tmp_path):
    source = open_images(str(zipped(folder, tmp_path / "photos.zip", below="summer/photos/")))
    assert image_paths(source) == tuple(f"summer/photos/{path}" for path in PATHS)
    assert source.read("summer/photos/b.png") == (folder / "b.png").read_bytes()


def test_images_of_a_crawl_are_read_or_among_the_bad_ones(folder):
    (folder / "no_ending").write_bytes((folder / "b.png").read_bytes())
    (folder / "w.jpg?w=300").write_bytes((folder / "b.png").read_bytes())
    (folder / "i.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (folder / "p.jpg!d").write_bytes(b"<html>not found</html>")
    source = open_images(str(folder))
    paths = image_paths(source)
    assert set(paths) - set(PATHS) == {"no_ending", "w.jpg?w=300", "i.HEIC", "p.jpg!d"}
    [block] = read_blocks(source, paths, WHOLE, CLASSES)
    reasons = {bad.path: bad.reason for bad in block.bad if bad.path not in PATHS}
    assert reasons == {
        "i.HEIC": "HEIC, for which there is no decoder here: convert it to JPEG",
        "p.jpg!d": "not an image, but an HTML page",
    }
    assert no_images(source) == "1 file is no image and not predicted: 1 .txt"


def test_a_folder_called_digits_is_a_folder(save_image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_image(tmp_path / "digits" / "one.png")
    assert image_paths(open_images("digits")) == ("one.png",)


@pytest.mark.parametrize("size", [1, 2, 3, 1024])
def test_blocks_hold_every_image_once_and_name_the_broken_ones(folder, size, monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK", size)
    source = open_images(str(folder))
    blocks = list(read_blocks(source, PATHS, WHOLE, CLASSES))
    assert [path for block in blocks for path in block.paths] == list(PATHS)
    assert [image.path for block in blocks for image in block.bad] == ["a/empty.png", "c.png"]
    good = [path for block in blocks for path in block.data.manifest["path"]]
    assert good == [block.paths[place] for block in blocks for place in block.good]
    shapes = [tuple(shape) for block in blocks for shape in block.data.images.shapes]
    assert dict(zip(good, shapes, strict=True)) == {
        "a/deep/er/x.JPG": (16, 18),
        "a/z.png": (16, 17),
        "b.png": (16, 16),
    }


def test_a_block_is_read_by_the_loader_of_evaluation(folder):
    [block] = read_blocks(open_images(str(folder)), PATHS, WHOLE, CLASSES)
    loader = EvalLoader(
        block.data, "test", batch_size=2, image_size=16, mean=block.data.mean, std=block.data.std
    )
    batches = list(loader)
    assert [len(batch) for batch in batches] == [2, 1]
    picture_SS3 = batches[1].images[0].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(picture_SS3, block.data.images.image(2), atol=1e-3)
    assert all((batch.labels == -1).all() for batch in batches)


def test_a_folder_without_images_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"holds no images \(files that end in \.jpg"):
        image_paths(open_images(str(tmp_path)))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("photo", "photo does not exist: {folder} holds no 'photo'; did you mean 'photos'?"),
        ("broken.zip", "broken.zip is not a zip file, or is truncated (File is not a zip file)"),
    ],
)
def test_what_is_no_folder_and_no_zip_is_one_line(folder, name, reason, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "broken.zip").write_bytes(b"PK")
    with pytest.raises(DataError) as error:
        image_paths(open_images(name))
    assert str(error.value) == reason.format(folder=folder.parent)


def test_a_single_image_is_read_by_itself_in_another_process_too(folder):
    source = pickle.loads(pickle.dumps(open_images(str(folder / "b.png"))))
    assert image_paths(source) == ("b.png",)
    [block] = read_blocks(source, ("b.png",), WHOLE, CLASSES)
    assert len(block.data.images) == 1


def test_a_file_that_is_no_image_is_refused_in_a_line(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(DataError, match=r"notes\.txt: is neither an image nor a \.zip"):
        image_paths(open_images(str(tmp_path / "notes.txt")))
