"""``--predict --format pairs``: which images of a folder look alike to a sweep on identities."""

import shutil

import numpy as np
import pandas as pd
import pytest

from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.unlabelled import image_paths, open_images, read_blocks
from reports.__main__ import main
from reports.deploy.chosen import load_chosen
from reports.deploy.predict import predict_images


@pytest.fixture
def photos(people, tmp_path):
    """72 images, one of which is broken."""
    shutil.copytree(people.others, tmp_path / "photos")
    (tmp_path / "photos" / "0000.png").write_bytes(b"")
    return tmp_path / "photos"


def read(file):
    return pd.read_csv(file, dtype={"path": str, "neighbour": str}, keep_default_na=False)


def test_each_image_has_those_most_like_it_by_the_winners_embedding(retrieval_run, photos, tmp_path):
    source = open_images(str(photos))
    done = predict_images(retrieval_run.path, source, tmp_path / "pairs.csv", neighbours=3)
    chosen = load_chosen(retrieval_run, lambda _: None)
    [block] = read_blocks(source, image_paths(source), chosen.winner.kept, chosen.winner.classes)
    unit_ND = chosen.embeddings(block).astype(np.float64)
    unit_ND /= np.linalg.norm(unit_ND, axis=1, keepdims=True)
    cosine_NN = unit_ND @ unit_ND.T
    paths = [block.paths[place] for place in block.good]
    rows = read(done.file)
    assert [one.path for one in done.bad] == ["0000.png"]
    assert rows.iloc[0].tolist() == ["0000.png", "", "", ""]
    assert done.bad_file is not None
    found = rows.iloc[1:]
    assert len(found) == 3 * len(paths) == 3 * 72
    for place, (path, own) in enumerate(found.groupby("path")):
        assert path == paths[place]
        assert own["rank"].astype(int).tolist() == [1, 2, 3]
        others = np.delete(np.arange(len(paths)), place)
        expected = others[np.argsort(-np.round(cosine_NN[place, others] * 2**30), kind="stable")[:3]]
        assert own["neighbour"].tolist() == [paths[other] for other in expected]
        np.testing.assert_allclose(own["similarity"].astype(float), cosine_NN[place, expected], atol=1e-12)


class Killed(Exception):
    pass


def test_one_that_was_killed_goes_on_and_ends_as_an_unbroken_one(
    retrieval_run, photos, tmp_path, monkeypatch
):
    monkeypatch.setattr(unlabelled, "BLOCK", 20)
    source = open_images(str(photos))
    unbroken = predict_images(retrieval_run.path, source, tmp_path / "unbroken.csv")

    def kill(done, _):
        if done >= 40:
            raise Killed

    with pytest.raises(Killed):
        predict_images(retrieval_run.path, source, tmp_path / "broken.csv", count=kill)
    parts = tmp_path / ".broken.csv.parts"
    kept = {file: file.stat().st_mtime_ns for file in parts.iterdir()}
    assert len(kept) == 2
    done = []
    again = predict_images(
        retrieval_run.path, source, tmp_path / "broken.csv", count=lambda *told: done.append(told)
    )
    assert done[-1] == (73, 73)
    assert again.file.read_bytes() == unbroken.file.read_bytes()
    assert [one.path for one in again.bad] == ["0000.png"]
    assert not parts.exists()


def test_there_are_no_more_neighbours_than_other_images(retrieval_run, photos, tmp_path, capsys):
    for file in sorted(photos.iterdir())[3:]:
        file.unlink()
    arguments = ["--predict", str(photos), "--format", "pairs", "--neighbours", "5"]
    assert main([str(retrieval_run.path), *arguments, "--out", str(tmp_path / "pairs.csv")]) == 0
    assert "1 image cannot be read and has no neighbours: 0000.png (" in capsys.readouterr().err
    rows = read(tmp_path / "pairs.csv")
    assert rows["rank"].tolist() == ["", "1", "1"]
    assert rows["neighbour"].tolist() == ["", *rows["path"][:0:-1]]


def test_an_image_alone_has_no_neighbour(retrieval_run, photos, tmp_path):
    for file in sorted(photos.iterdir())[2:]:
        file.unlink()
    done = predict_images(retrieval_run.path, open_images(str(photos)), tmp_path / "pairs.csv")
    assert read(done.file)["neighbour"].tolist() == ["", ""]


@pytest.mark.parametrize("layout", ["csv", "class", "topk"])
def test_what_names_classes_is_refused_of_identities(layout, retrieval_run, people, capsys):
    assert main([str(retrieval_run.path), "--predict", str(people.others), "--format", layout]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"--format {layout}: ") and line.endswith("use --format pairs")
    assert not (retrieval_run.path / "predictions.csv").exists()


def test_pairs_are_refused_of_classes(reported, people, tmp_path, capsys):
    arguments = ["--predict", str(people.others), "--format", "pairs", "--out", str(tmp_path / "pairs.csv")]
    assert main([str(reported[0].folder.path), *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "is no sweep on identities (data.identities)" in line
    assert not (tmp_path / "pairs.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--predict", "x", "--neighbours", "3"], "--neighbours: needs --format pairs"),
        (["--predict", "x", "--format", "pairs", "--neighbours", "0"], "--neighbours: must be at least 1"),
        (["--neighbours", "3"], "--neighbours: needs --format pairs"),
    ],
)
def test_neighbours_go_with_pairs_alone(arguments, message, capsys):
    assert main(["runs/none", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)
