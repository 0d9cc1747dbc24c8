"""Searching an audit for images like given examples."""

import json
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.data.__main__ import main
from platform.datasets.audit.folder import AuditFolder, read_table, write_table
from platform.datasets.cleaning.clean import clean
from platform.datasets.data_config import DataConfig
from platform.datasets.searching.search import search


def flat(path, colour, seed):
    """A cartoon: two flat halves, of colours that differ a little from file to file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((24, 24, 3), dtype=np.uint8)
    pixels[:, :12], pixels[:, 12:] = colour, (255, 255, 255)
    shift = np.random.default_rng(seed).integers(0, 12, 3, dtype=np.uint8)
    Image.fromarray(pixels - np.minimum(pixels, shift)).save(path)


@pytest.fixture
def audit(make_classes, make_audit, tmp_path):
    """20 photographs of each class and three cartoons among the cats, with thumbnails, no embeddings."""
    photos = make_classes(tmp_path / "photos", {"cat": 20, "dog": 20}, 24, 24)
    for number in range(3):
        flat(photos / "cat" / f"cartoon{number}.png", (200, 30, 30), number)
    config = DataConfig.model_validate_json(json.dumps({"source": str(photos)}))
    folder = make_audit(config)
    images = folder.images()
    pictures = [(photos / path).read_bytes() for path in images["path"]]
    write_table(folder.thumbnails_file, pd.DataFrame({"picture": pictures}))
    import hashlib

    shas = [hashlib.sha256(picture).hexdigest() for picture in pictures]
    write_table(folder.images_file, images.assign(sha256=shas))
    return folder


def test_it_finds_what_looks_like_image_files_that_are_not_in_the_audit(audit, tmp_path):
    flat(tmp_path / "cartoons" / "mine.png", (200, 30, 30), 9)
    (tmp_path / "cartoons" / "broken.png").write_bytes(b"no image")
    found = search(audit, tmp_path / "cartoons", 0.0, 3)
    assert found.by == "colours and edges"
    assert sorted(found.table["path"]) == [f"cat/cartoon{number}.png" for number in range(3)]
    assert (found.table["nearest"] == "mine.png").all()
    assert found.table["score"].between(0.3, 1).all()


def test_examples_of_the_audit_are_listed_by_path_or_told_by_their_bytes(audit, tmp_path):
    listed, same = tmp_path / "cartoons.txt", tmp_path / "same"
    listed.write_text("cat/cartoon1.png\n\n")
    same.mkdir()
    photos = tmp_path / "photos" / "cat" / "cartoon1.png"
    (same / "renamed.png").write_bytes(photos.read_bytes())
    for place in (listed, same):
        found = search(audit, place, 0.0, 2)
        assert found.table["path"].tolist()[0] == "cat/cartoon1.png"
        assert set(found.table["path"]) == {f"cat/cartoon{number}.png" for number in range(3)}
        assert not found.seeds.others


def test_embeddings_of_the_audit_are_used_and_rows_without_one_left_out(audit, tmp_path):
    images = audit.images()
    vectors = np.zeros((len(images), 4), dtype=np.float16)
    vectors[(images["label"] == "cat").to_numpy(), 0] = 1
    vectors[(images["label"] == "dog").to_numpy(), 1] = 1
    alike = images["path"].isin(["dog/003.png", "dog/007.png", "cat/001.png"]).to_numpy()
    vectors[alike] = [0, 0, 1, 0]
    vectors[(images["path"] == "cat/002.png").to_numpy()] = 0
    np.save(audit.embeddings_file, vectors)
    place = tmp_path / "odd.txt"
    place.write_text("dog/003.png\n")
    found = search(audit, place, 0.1, 10)
    assert found.by == "the audit's embeddings"
    assert found.table["path"].tolist() == ["dog/003.png", "cat/001.png", "dog/007.png"]
    assert found.table["score"].tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    assert search(audit, place, 0.1, 1).more == 1


def test_a_class_full_of_noise_does_not_hide_it_and_the_examples_give_the_threshold(audit, tmp_path):
    """Half of the cats are noise, so their class resembles it, and one dog is unlike all other dogs."""
    images = audit.images()
    random = np.random.default_rng(0)
    cats, dogs = (np.flatnonzero(images["label"] == label) for label in ("cat", "dog"))
    noise = cats[::2]
    vectors = random.normal(0, 0.02, (len(images), 4))
    vectors[cats, 0] += 1
    vectors[dogs, 1] += 1
    vectors[noise] = np.array([0, 0, 1, 0]) + random.normal(0, 0.2, (len(noise), 4))
    vectors[dogs[0]] = [0, -1, 0.4, 0]
    np.save(audit.embeddings_file, vectors.astype(np.float16))
    paths = images["path"].to_numpy()
    place = tmp_path / "noise.txt"
    place.write_text("\n".join(paths[noise[:4]]))
    found = search(audit, place, None, 100)
    unit = vectors[noise[:4]] / np.linalg.norm(vectors[noise[:4]], axis=1, keepdims=True)
    among = np.sort(unit @ unit.T, axis=1)[:, -2]
    assert found.threshold == pytest.approx(min(among.min(), 0.8), abs=1e-3)
    assert set(found.table["path"]) == set(paths[noise])
    place.write_text(paths[noise[0]])
    assert search(audit, place, None, 100).threshold == 0.5


def test_the_command_writes_a_table_a_sheet_and_findings_for_a_policy(audit, tmp_path, write_policy, capsys):
    place = tmp_path / "cartoons.txt"
    place.write_text("cat/cartoon0.png\n")
    assert main(["search", str(audit.path), "--seeds", str(place), "--most", "2"]) == 0
    said = capsys.readouterr().out
    assert "compared by colours and edges alone" in said and "2 images look like 1 example" in said
    table = pd.read_csv(audit.path / "search" / "cartoons.csv")
    assert len(table) == 3
    with Image.open(audit.path / "search" / "cartoons.png") as sheet:
        assert sheet.size[0] > 900
    findings = read_table(audit.path / "findings" / "search" / "cartoons.parquet")
    assert set(findings["kind"]) == {"off_topic"} and set(findings["group"]) == {"search:cartoons"}
    assert "in a policy: {kind: off_topic, group: search:cartoons, action: drop, at_least: 0.50}" in said
    policy = write_policy("rules: [{kind: off_topic, group: 'search:cartoons', action: drop, at_least: 0.1}]")
    out = tmp_path / "clean.parquet"
    rows = clean(AuditFolder(audit.path), policy, out).rows.set_index("path")
    cartoons = rows.loc[[f"cat/cartoon{number}.png" for number in range(3)]]
    assert (cartoons["action"][cartoons["split"] == "train"] == "drop").all()
    assert (rows["action"] == "drop").sum() == (cartoons["split"] == "train").sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "empty"], "--seeds: empty: holds no images (files that end in"),
        (["--seeds", "nowhere"], "--seeds: nowhere does not exist"),
        (["--seeds", "broken"], "--seeds: broken: none of 1 image can be read: x.png"),
        (["--seeds", "other.txt"], "other.txt: cat/cartoon9.png is no image of the audit; did you mean"),
        (["--seeds", "empty.txt"], "--seeds: empty.txt lists no images"),
        (["--seeds", "other.txt", "--most", "0"], "--most: must be at least 1, got 0"),
        (["--seeds", "other.txt", "--threshold", "1.5"], "--threshold: is a cosine, from -1 to 1, got 1.5"),
        (["--seeds", "other.txt", "--out", "x.txt"], "--out: must end in .csv or .parquet, got x.txt"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(arguments, message, audit, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "broken"):
        (tmp_path / folder).mkdir()
    content = BytesIO()
    Image.new("RGB", (9, 9)).save(content, "PNG")
    (tmp_path / "broken" / "x.png").write_bytes(content.getvalue()[:40])
    (tmp_path / "other.txt").write_text("cat/cartoon9.png\n")
    (tmp_path / "empty.txt").write_text("\n")
    there = sorted(tmp_path.rglob("*"))
    assert main(["search", str(audit.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == there
