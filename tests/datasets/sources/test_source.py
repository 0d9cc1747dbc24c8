import multiprocessing
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from sklearn.datasets import load_digits

from platform.datasets.errors import DataError
from platform.datasets.geometry import KeptSize
from platform.datasets.sources import embedded_digits
from platform.datasets.sources.image_decoding import decode_image
from platform.datasets.sources.source import DigitsSource, ZipSource, open_source

PATHS = ["cat/000.png", "cat/001.png", "dog/000.png"]


@pytest.fixture
def folder(tmp_path, make_classes):
    folder = make_classes(tmp_path / "images", {"cat": 2, "dog": 1})
    (folder / ".hidden").write_bytes(b"no")
    return folder


def test_a_folder_lists_what_is_visible(folder):
    source = open_source(str(folder))
    assert list(source.files) == PATHS
    assert source.top == ("cat", "dog")
    assert source.read(PATHS[0]) == (folder / PATHS[0]).read_bytes()
    assert source.missing([*PATHS, "cat/9.png", "bird/0.png"]) == ["cat/9.png", "bird/0.png"]


def test_links_are_followed_and_a_circle_of_them_ends(folder, tmp_path, make_classes):
    elsewhere = make_classes(tmp_path / "more", {"owl": 1})
    (folder / "owl").symlink_to(elsewhere / "owl")
    (folder / "dog" / "back").symlink_to(folder)
    source = open_source(str(folder))
    assert set(source.files) == {*PATHS, "owl/000.png"} and source.same_folders == ()


def test_folders_that_are_links_to_one_are_listed_each_and_named(folder, tmp_path):
    (folder / "kitten").symlink_to("cat")
    (tmp_path / "images" / "puppy").symlink_to(folder / "dog")
    source = open_source(str(folder))
    assert {"kitten/001.png", "cat/001.png", "puppy/000.png"} <= set(source.files)
    assert source.same_folders == (("cat", "kitten"), ("dog", "puppy"))


@pytest.mark.parametrize("name", ["caf\u00e9", "\u732b"])
def test_names_in_a_zip_made_on_a_mac_are_utf_8_without_its_flag(folder, tmp_path, name):
    file = tmp_path / "mac.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(folder / PATHS[0], f"{name}/1.png")
    content = file.read_bytes()
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # without UTF-8's flag
        place = content.index(header) + flags
        content = content[:place] + b"\0\0" + content[place + 2 :]
    file.write_bytes(content)
    source = open_source(str(file))
    assert source.files == (f"{name}/1.png",)
    assert source.read(f"{name}/1.png") == (folder / PATHS[0]).read_bytes()


def test_a_zip_in_another_old_encoding_can_still_be_read(folder, tmp_path):
    file = tmp_path / "old.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(folder / PATHS[0], "caf_/1.png")
    file.write_bytes(file.read_bytes().replace(b"caf_", b"caf\xe9"))
    source = ZipSource(file, "old", prefix="")
    assert source.read(source.files[0]) == (folder / PATHS[0]).read_bytes()


@pytest.mark.parametrize("below", ["", "photos/", "a/b/"])
def test_a_zip_is_read_in_place_below_whatever_wraps_it(folder, tmp_path, zipped, below):
    source = open_source(str(zipped(folder, tmp_path / "images.zip", below)))
    assert list(source.files) == PATHS
    assert source.read(PATHS[2]) == (folder / PATHS[2]).read_bytes()
    assert source.missing([*PATHS, "cat/9.png"]) == ["cat/9.png"]


def test_a_stored_zip_with_something_in_front_is_read_too(folder, tmp_path):
    file = tmp_path / "installer.zip"
    file.write_bytes(b"#!/bin/sh\n" * 10)
    with zipfile.ZipFile(file, "a") as archive:
        for path in PATHS:
            archive.write(folder / path, path)
    assert open_source(str(file)).read(PATHS[1]) == (folder / PATHS[1]).read_bytes()


def test_a_zip_is_read_by_threads_at_once(folder, tmp_path, zipped):
    source = open_source(str(zipped(folder, tmp_path / "images.zip")))
    expected = {path: (folder / path).read_bytes() for path in PATHS}
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda path: source.read(path) == expected[path], PATHS * 100))


def test_a_zip_is_read_by_another_process_and_this_one(folder, tmp_path, zipped):
    source = open_source(str(zipped(folder, tmp_path / "images.zip")))
    expected = source.read(PATHS[0])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(source.read, (PATHS[0],)) == expected
    assert source.read(PATHS[0]) == expected


def test_a_changed_zip_is_opened_again(folder, tmp_path, zipped, save_image):
    file = zipped(folder, tmp_path / "images.zip")
    assert len(open_source(str(file)).files) == 3
    save_image(folder / "cat" / "new.png")
    zipped(folder, file)
    assert len(open_source(str(file)).files) == 4


def test_a_damaged_member_is_an_oserror(tmp_path):
    file = tmp_path / "images.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/1.png", b"content of the file")
        archive.writestr("b/2.png", b"more")
    file.write_bytes(file.read_bytes().replace(b"content of", b"another of"))
    source = open_source(str(file))
    with pytest.raises(OSError, match="checksum"):
        source.read("a/1.png")
    with pytest.raises(FileNotFoundError):
        source.read("a/3.png")


@pytest.mark.parametrize("kind", ["folder", "zip", "digits"])
def test_sources_pickle_small(folder, tmp_path, zipped, kind):
    text = {"folder": str(folder), "zip": str(zipped(folder, tmp_path / "i.zip", "x/")), "digits": "digits"}[
        kind
    ]
    source = open_source(text)
    content = source.read(source.files[0])
    pickled = pickle.dumps(source)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert again.files == source.files
    assert again.read(source.files[0]) == content


def test_digits_are_those_of_scikit_learn():
    source = open_source("digits")
    original = load_digits()
    assert isinstance(source, DigitsSource)
    assert source.labels == [str(label) for label in original.target]
    for index in (0, 700, 1796):
        image = decode_image(source.read(source.files[index]), KeptSize.exactly(8))
        red, green, blue = image.split()
        assert list(red.get_flattened_data()) == (original.images[index].ravel() * 255 // 16).tolist()
        assert red.tobytes() == green.tobytes() == blue.tobytes()
    assert len(source.files) == len(original.target)
    assert original.images.shape[1:] == (embedded_digits.SIDE, embedded_digits.SIDE)


def test_what_does_not_exist_names_the_nearest(folder, tmp_path):
    with pytest.raises(DataError, match="no 'imagse'; did you mean 'images'"):
        open_source(str(tmp_path / "imagse"))
    with pytest.raises(DataError, match="holds no 'nowhere'"):
        open_source(str(tmp_path / "nowhere" / "further" / "down"))
    with pytest.raises(DataError, match=r"000\.png is a file"):
        open_source(str(folder / "cat" / "000.png" / "x"))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    file = tmp_path / "images.zip"
    file.write_bytes(content)
    with pytest.raises(DataError, match="not a zip file"):
        open_source(str(file))


def test_an_empty_zip_and_other_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(DataError, match="empty zip"):
        open_source(str(tmp_path / "empty.zip"))
    (tmp_path / "images.tar.gz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"not a \.zip, \.csv or \.parquet"):
        open_source(str(tmp_path / "images.tar.gz"))


def test_zips_that_cannot_be_read_in_place_say_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a/1.png", b"x")
    with pytest.raises(DataError, match="extract it first"):
        open_source(str(tmp_path / "lzma.zip"))
    with zipfile.ZipFile(tmp_path / "secret.zip", "w") as archive:
        archive.writestr("a/1.png", b"x")
    content = bytearray((tmp_path / "secret.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag that says encrypted
    (tmp_path / "secret.zip").write_bytes(content)
    with pytest.raises(DataError, match="encrypted"):
        open_source(str(tmp_path / "secret.zip"))
