"""Which shards there are: an image more or a changed file renews its own shard only."""

import os

import pytest

from platform.datasets.audit.scan import shards
from platform.datasets.audit.scan.one_image import READING
from platform.datasets.audit.scan.shards import Shard, plan_shards, remove_others
from platform.datasets.data_config import DataConfig
from platform.datasets.sources.source import FolderSource


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MEAN_IMAGES", 10)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:04d}.jpg").write_bytes(b"content")
    return FolderSource(folder, "photos")


def names(source, tmp_path, reading=READING):
    paths = sorted(path.name for path in source.root.iterdir())
    planned = plan_shards(tmp_path / "shards", source, paths, reading)
    assert [path for shard in planned for path in shard.paths] == paths
    return [shard.file.name for shard in planned]


def test_one_more_or_changed_file_renews_one_shard(source, tmp_path):
    before = names(source, tmp_path)
    assert 10 < len(before) < 40
    assert names(source, tmp_path) == before
    (source.root / "0100a.jpg").write_bytes(b"new")
    more = names(source, tmp_path)
    assert 1 <= len(set(more) - set(before)) <= 2
    (source.root / "0150.jpg").write_bytes(b"longer content")
    changed = names(source, tmp_path)
    assert len(set(changed) - set(more)) == 1
    os.utime(source.root / "0010.jpg", (1, 1))
    assert len(set(names(source, tmp_path)) - set(changed)) == 1


def test_other_limits_of_reading_renew_all(source, tmp_path):
    before = names(source, tmp_path)
    limited = DataConfig(source="photos", max_megapixels=1).reading(READING)
    assert set(names(source, tmp_path, limited)).isdisjoint(before)


def test_what_belongs_to_no_shard_is_removed(tmp_path):
    kept = Shard(tmp_path / "a.parquet", ("x",))
    for name in ("a.parquet", "b.parquet", ".c.parquet.12.draft"):
        (tmp_path / name).write_text("")
    remove_others(tmp_path, [kept])
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
