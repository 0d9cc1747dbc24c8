"""Zips that strangers made: nothing is unpacked beyond the limits, and nothing is written."""

import io
import struct
import zipfile

import pytest
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.prepare import prepare
from platform.datasets.sources.source import open_source
from platform.datasets.sources.zip_archive import MAX_NAME


def png(width, height):
    content = io.BytesIO()
    Image.new("RGB", (width, height), (0, 90, 0)).save(content, "PNG")
    return content.getvalue()


def zipped(file, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_a_zip_that_unfolds_is_not_unfolded(tmp_path):
    """300 MB in 0.3 MB: the check is made before anything is unpacked, and again while it is."""
    honest = {f"{name}/{number}.png": png(8, 8) for name in "ab" for number in range(6)}
    file = zipped(tmp_path / "bomb.zip", honest | {"a/x.png": b"\0" * 300_000_000})
    assert file.stat().st_size < 1_000_000
    source = open_source(str(file))
    with pytest.raises(OSError, match="larger than 256 MB"):
        source.read("a/x.png", KeptSize.exactly(8).max_bytes)
    lying = tmp_path / "lying.zip"
    content = bytearray(file.read_bytes())
    entry = content.rfind(b"PK\x01\x02")  # the last member is the bomb: its directory now says 8 bytes
    content[entry + 24 : entry + 28] = struct.pack("<L", 8)
    lying.write_bytes(content)
    with pytest.raises(OSError, match="of another length than its directory says"):
        open_source(str(lying)).read("a/x.png")


def test_a_zip_whose_files_share_their_bytes_is_refused(tmp_path):
    file = zipped(tmp_path / "shared.zip", {f"a/{number}.png": b"\0" * 300_000 for number in range(9)})
    content = bytearray(file.read_bytes())
    places = [place for place in range(len(content)) if content.startswith(b"PK\x01\x02", place)]
    for place in places:  # each claims nearly the whole file
        content[place + 20 : place + 24] = struct.pack("<L", len(content) - 100)
    file.write_bytes(content)
    with pytest.raises(DataError, match="refused as a zip bomb"):
        open_source(str(file))


def test_a_zip_with_a_long_name_is_refused(tmp_path):
    file = zipped(tmp_path / "long.zip", {"a/" * 2_000 + "x.png": b"x"})
    with pytest.raises(DataError, match=f"{MAX_NAME:,} are the most"):
        open_source(str(file))


def test_a_zip_whose_list_of_files_is_too_long_is_refused_before_it_is_read(tmp_path):
    file = zipped(tmp_path / "list.zip", {"a/x.png": b"x"})
    content = file.read_bytes()
    end = content.rfind(b"PK\x05\x06")
    with file.open("wb") as stream:
        stream.write(content[:end])
        stream.truncate(400_000_000)
        stream.seek(400_000_000)
        stream.write(content[end : end + 12] + struct.pack("<L", 390_000_000) + content[end + 16 :])
    with pytest.raises(DataError, match="its list of files takes 390 MB"):
        open_source(str(file))


def test_nothing_of_a_zip_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    honest = {f"{name}/{number}.png": png(8, 8) for name in "ab" for number in range(6)}
    file = zipped(tmp_path / "up.zip", honest | {"../../outside.png": png(8, 8), "/abs.png": png(8, 8)})
    with pytest.raises(DataError):
        prepare(DataConfig(source=str(file)), 8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["up.zip"]
    assert not (tmp_path.parent.parent / "outside.png").exists()


def test_a_zip_with_a_nameless_file_is_refused(tmp_path):
    content = bytearray(zipped(tmp_path / "honest.zip", {"x": b"x"}).read_bytes())
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 28 : entry + 30] = struct.pack("<H", 0)  # the name's byte becomes the extra field's
    content[entry + 30 : entry + 32] = struct.pack("<H", 1)
    (tmp_path / "nameless.zip").write_bytes(content)
    with pytest.raises(DataError, match="without a name|is not a zip file"):
        open_source(str(tmp_path / "nameless.zip"))
