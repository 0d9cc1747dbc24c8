"""``--predict`` of what takes long, so that it is killed and goes on, and in layouts for competitions."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.unlabelled import open_images
from reports.build.winner import FILE, Member, read_winner
from reports.deploy.predict import predict_images
from reports.evaluation.checkpoints import checkpoint_digest

DIGITS = tuple("0123456789")


@pytest.fixture
def run(reported, tmp_path):
    folder = replace(reported[0].folder, path=tmp_path / "run")
    shutil.copytree(reported[0].folder.path, folder.path)
    return folder


@pytest.fixture
def photos(tmp_path):
    """35 images, one of which is broken."""
    folder, draws = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    for place in range(35):
        Image.fromarray(draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{place:02d}.png")
    (folder / "03.png").write_bytes(b"")
    return folder


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK", 10)


def choose(run, rule, *trials):
    """Let the sweep's report have chosen these trials."""
    folders = [next((run.trials / one).glob("checkpoint_*")) for one in trials]
    members = tuple(
        Member(trial=one, checkpoint=str(folder), digest=checkpoint_digest(folder))
        for one, folder in zip(trials, folders, strict=True)
    )
    chosen = read_winner(run.report).model_copy(update={"rule": rule, "members": members, "learnt": None})
    (run.report / FILE).write_text(chosen.model_dump_json())


def read(file):
    return pd.read_csv(file, dtype={"path": str, "label": str}, keep_default_na=False)


class Killed(Exception):
    pass


def kill_after(images):
    def count(done, _):
        if done >= images:
            raise Killed

    return count


def test_a_killed_prediction_goes_on_and_ends_as_an_unbroken_one(run, photos, tmp_path):
    choose(run, "mean_probability", "0000", "0002")
    source = open_images(str(photos))
    unbroken = predict_images(run.path, source, tmp_path / "unbroken.csv")
    broken, parts = tmp_path / "broken.csv", tmp_path / ".broken.csv.parts"
    with pytest.raises(Killed):
        predict_images(run.path, source, broken, count=kill_after(20))
    kept = {file: file.stat().st_mtime_ns for file in parts.iterdir()}
    assert len(kept) == 2
    with pytest.raises(Killed):
        predict_images(run.path, source, broken, count=kill_after(30))
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert len(list(parts.iterdir())) == 3
    assert not list(tmp_path.glob("*broken.csv.[0-9]*")) + list(tmp_path.glob("broken*"))

    done = predict_images(run.path, source, broken)
    assert done.file.read_bytes() == unbroken.file.read_bytes()
    assert [one.path for one in done.bad] == ["03.png"]
    assert done.bad == unbroken.bad
    assert not parts.exists()


@pytest.mark.parametrize("change", ["image", "winner", "layout"])
def test_what_was_done_is_not_used_where_anything_changed(change, run, photos, tmp_path):
    choose(run, None, "0000")
    source, file = open_images(str(photos)), tmp_path / "out.csv"
    with pytest.raises(Killed):
        predict_images(run.path, source, file, count=kill_after(30))
    layout = "class" if change == "layout" else "csv"
    if change == "image":
        shutil.copyfile(photos / "15.png", photos / "00.png")
    if change == "winner":
        choose(run, None, "0001")
    done = predict_images(run.path, source, file, layout=layout)
    anew = predict_images(run.path, source, tmp_path / "anew.csv", layout=layout)
    assert done.file.read_bytes() == anew.file.read_bytes()


def test_layouts_for_competitions(run, photos, tmp_path):
    choose(run, None, "0000")
    source = open_images(str(photos))
    full, label, top = (
        read(predict_images(run.path, source, tmp_path / f"{layout}.csv", layout=layout).file)
        for layout in ("csv", "class", "topk")
    )
    assert list(label.columns) == ["path", "label"]
    assert label.equals(full[["path", "label"]])
    assert list(top.columns) == [
        "path",
        *(f"{one}_{n}" for n in range(1, 6) for one in ("label", "probability")),
    ]
    assert top[["path", "label_1", "probability_1"]].to_numpy().tolist() == (
        full[["path", "label", "probability"]].to_numpy().tolist()
    )
    for _, row in top[top["path"] != "03.png"].iterrows():
        of_classes = full[full["path"] == row["path"]].iloc[0]
        values = sorted((float(of_classes[f"p_{name}"]) for name in DIGITS), reverse=True)
        assert [float(row[f"probability_{n}"]) for n in range(1, 6)] == values[:5]
    assert (top.loc[top["path"] == "03.png"].drop(columns="path") == "").all(axis=None)
