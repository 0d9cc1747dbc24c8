"""Folders and zips that strangers filled: what is no image is listed as bad; nothing hangs or runs."""

import codecs
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.geometry import KeptSize
from platform.datasets.look.look import look
from platform.datasets.preparation.prepare import inspect, prepare
from platform.datasets.preparation.unlabelled import image_paths, open_images, read_blocks
from platform.datasets.sources.image_decoding import FORMATS, UnreadableImage, decode_image
from platform.datasets.sources.source import open_source
from platform.tracking.bad_request import BadRequest
from reports.deploy.request_images import decoded

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n"


def png(width, height, pixels=None, between=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * (height * (width * 3 + 1))) if pixels is None else pixels
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name in "abc":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(4):
            pixels = random.integers(0, 256, (16, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    return tmp_path / "images"


def pipe(file):
    os.mkfifo(file)


def zeros(file):
    file.symlink_to("/dev/zero")


def itself(file):
    file.symlink_to(file.name)


def nothing(file):
    file.symlink_to("nowhere")


def listening(file):
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(file.parent)  # a socket's address is at most 108 bytes long
        server.bind(file.name)


def longer_than_allowed(file):
    with file.open("wb") as stream:
        stream.truncate(300_000_000)


def postscript(file):
    file.write_bytes(POSTSCRIPT)


def bomb(file):
    file.write_bytes(png(60_000, 60_000, pixels=b""))


def long_text(file):
    file.write_bytes(png(8, 8, between=chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 50_000_000))))


def long_profile(file):
    file.write_bytes(png(8, 8, between=chunk(b"iCCP", b"p\0\0" + zlib.compress(b"x" * 50_000_000))))


ATTEMPTS = {
    pipe: "a pipe, not a file",
    zeros: "a device, not a file",
    itself: "a link that leads back to itself",
    nothing: "a link to nowhere, which is not there",
    listening: "a socket, not a file",
    longer_than_allowed: "larger than 256 MB (data.max_file_mb)",
    postscript: "not an image",
    bomb: "3,600 megapixels, more than data.max_megapixels (90)",
    long_text: "too large",
    long_profile: "too large",
}


@pytest.mark.parametrize("put", ATTEMPTS)
def test_a_file_that_is_no_image_is_a_bad_image(put, folder, monkeypatch):
    monkeypatch.chdir(folder)
    put(folder / "a" / "x.jpg")
    config = DataConfig(source=str(folder), max_bad=0.5)
    assert len(inspect(config).classes) == 3
    seen = look(config, limit=None)[1]
    assert [one.path for one in seen.bad] == ["a/x.jpg"]
    data = prepare(config, 8)
    assert [image.path for image in data.bad] == ["a/x.jpg"]
    assert ATTEMPTS[put] in data.bad[0].reason
    assert len(data.classes) == 3


@pytest.mark.parametrize("put", [pipe, zeros, itself, listening, postscript, bomb])
def test_prediction_names_it_too(put, folder, monkeypatch):
    monkeypatch.chdir(folder)
    put(folder / "x.jpg")
    source = open_images(str(folder))
    [block] = read_blocks(source, image_paths(source), KeptSize.exactly(8), ("a", "b"))
    assert [image.path for image in block.bad] == ["x.jpg"]
    assert ATTEMPTS[put] in block.bad[0].reason


@pytest.mark.parametrize("put", [pipe, zeros, itself])
def test_without_an_ending_it_is_said_to_be_passed_over(put, folder):
    put(folder / "a" / "x")
    said = inspect(DataConfig(source=str(folder))).remarks.sentences()
    assert any("1 file was passed over" in one and ATTEMPTS[put] in one for one in said)


def test_a_served_model_reads_files_alike(tmp_path):
    for put in (pipe, zeros, itself, postscript, bomb):
        file = tmp_path / f"{put.__name__}.jpg"
        put(file)
        with pytest.raises(BadRequest):
            decoded(str(file), KeptSize.exactly(8), allows_paths=True)


def test_every_format_on_the_list_can_be_opened():
    Image.init()
    assert set(FORMATS) <= set(Image.OPEN)
    assert "EPS" in Image.OPEN
    assert "EPS" not in FORMATS
    with pytest.raises(UnreadableImage, match="not an image"):
        decode_image(POSTSCRIPT, KeptSize.exactly(8))


def test_a_setting_says_what_is_read(folder):
    strict = DataConfig(source=str(folder), max_bad=1, max_megapixels=0.0003)
    with pytest.raises(DataError, match=r"20 x 16 px \(0 megapixels\), more than data.max_megapixels"):
        prepare(strict, 8)
    with pytest.raises(DataError, match=r"larger than 0.0005 MB \(data.max_file_mb\)"):
        prepare(DataConfig(source=str(folder), max_bad=1, max_file_mb=0.0005), 8)
    assert not prepare(DataConfig(source=str(folder), max_megapixels=0.00032), 8).bad


def test_a_setting_lets_honest_scans_in():
    """Beyond twice Pillow's own limit, too: in a process of its own, as the limit holds for the whole one."""
    scan = png(20_000, 10_000, pixels=b"")
    with pytest.raises(UnreadableImage, match=r"200 megapixels, more than data.max_megapixels \(90\)"):
        decode_image(scan, KeptSize.exactly(8))
    program = (
        "import sys; from platform.datasets.sources.image_decoding import opened\n"
        "with opened(sys.stdin.buffer.read(), 210_000_000) as image: print(image.size)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, input=scan, capture_output=True)
    assert done.stdout == b"(20000, 10000)\n", done.stderr


@contextmanager
def as_somebody_else():
    """Root may list every folder: as nobody, where the tests run as root."""
    codecs.lookup("utf-8-sig")  # nobody may not read Python's own modules everywhere
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_folder_that_cannot_be_listed_ends_it_and_none_is_dropped(folder):
    with tempfile.TemporaryDirectory() as place:
        images = shutil.copytree(folder, Path(place) / "images")
        Path(place).chmod(0o755)
        (images / "labels.csv").write_text("path,label\n" + "".join(f"{c}/0.png,{c}\n" for c in "abc"))
        (images / "c").chmod(0)
        try:
            for source in (images, images / "labels.csv"):
                with (
                    as_somebody_else(),
                    pytest.raises(DataError, match="cannot be listed: Permission denied"),
                ):
                    inspect(DataConfig(source=str(source)))
        finally:
            (images / "c").chmod(0o755)


@pytest.mark.parametrize("name", ["pipe.zip", "pipe.csv", "pipe"])
def test_a_source_that_is_a_pipe_is_refused(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="neither a file nor a folder"):
        open_source(str(tmp_path / name))


def test_names_that_a_terminal_would_obey_are_escaped(folder):
    (folder / "a").rename(folder / "\x1b[2Ja\nb")
    (folder / "\x1b[2Ja\nb" / "loose.txt").write_text("x")
    said = inspect(DataConfig(source=str(folder)))
    assert not [one for one in said.remarks.sentences() if "\x1b" in one or "\n" in one]
