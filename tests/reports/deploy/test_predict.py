"""``--predict``: real checkpoints of a real sweep on image files."""

import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from platform.config.errors import UserError
from platform.config.invocation import command_line
from platform.datasets.batches.loader import EvalLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.geometry import KeptSize
from platform.datasets.preparation import unlabelled
from platform.datasets.preparation.prepare import prepare
from platform.datasets.preparation.unlabelled import open_images
from platform.tracking.writing.writer import SweepWriter
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.trial.trial_config import TrialConfig
from reports.__main__ import main
from reports.build.winner import FILE, Member, Winner, read_winner
from reports.deploy import prediction_table
from reports.deploy.predict import predict_images
from reports.evaluation.checkpoints import checkpoint_digest

DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def photos(data, tmp_path_factory):
    """The digits' test images as files without labels, in folders of several depths; and their paths."""
    folder = tmp_path_factory.mktemp("photos")
    rows = data.rows("test")
    paths = [f"{'deep/' * (row % 3)}{row:05d}.png" for row in rows]
    for path, row in zip(paths, rows, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.images.image(row)).save(folder / path)
    return folder, paths


@pytest.fixture
def run(reported, tmp_path):
    """A sweep's folder alone, as it is on another machine: moved, and its MLflow does not answer."""
    folder = replace(reported[0].folder, path=tmp_path / "elsewhere")
    shutil.copytree(reported[0].folder.path, folder.path)
    folder.write_record(replace(folder.read_record(), tracking_uri="http://127.0.0.1:9"))
    return folder


def checkpoints_of(run):
    return {
        trial: next((run.trials / trial).glob("checkpoint_*")) for trial in ("0000", "0001", "0002", "0004")
    }


def choose(run, rule, checkpoints, **changes):
    """Let the sweep's report have chosen these checkpoints, by trial."""
    members = [
        Member(trial=trial, checkpoint=str(folder), digest=checkpoint_digest(folder))
        for trial, folder in checkpoints.items()
    ]
    values = {
        "rule": rule,
        "metric": "val/accuracy",
        "value": 0.5,
        "members": tuple(members),
        "classes": DIGITS,
        "kept": KeptSize.automatic(16),
    }
    (run.report / FILE).write_text(Winner(**(values | changes)).model_dump_json())


def read(file):
    return pd.read_csv(file, dtype={"path": str, "label": str}, keep_default_na=False)


def by_hand(rule, members_MNC):
    """[N, C]: what a rule makes of its members, sample by sample."""
    if rule is None:
        return members_MNC[0]
    mean_NC = np.mean(members_MNC, axis=0)
    if rule == "mean_probability":
        return mean_NC
    votes = [[sum(m[n].argmax() == c for m in members_MNC) for c in range(10)] for n in range(len(mean_NC))]
    return (np.array(votes) + mean_NC) / (len(members_MNC) + 1)


@pytest.mark.parametrize(
    ("rule", "trials"),
    [
        (None, ["0001"]),
        ("mean_probability", ["0000", "0002"]),
        ("vote", ["0004", "0000", "0001"]),
    ],
)
def test_predictions_are_those_of_the_checkpoints(rule, trials, run, data, photos, monkeypatch):
    monkeypatch.setattr(unlabelled, "BLOCK", 100)  # several blocks, the last one not full
    folder, paths = photos
    checkpoints = {trial: checkpoints_of(run)[trial] for trial in trials}
    choose(run, rule, checkpoints)
    done = predict_images(run.path, open_images(str(folder)))
    predictors = [load_predictor(checkpoint) for checkpoint in checkpoints.values()]
    members_MNC = np.stack([one.probabilities(one.loader(data, "test")) for one in predictors])
    expected_NC = by_hand(rule, members_MNC)

    assert (done.file, done.images, done.bad, done.new_report) == (
        run.path / "predictions.csv",
        len(paths),
        (),
        None,
    )
    table = read(done.file)
    assert list(table.columns) == ["path", "label", "probability", *(f"p_{name}" for name in DIGITS)]
    assert table["path"].tolist() == sorted(paths)
    table = table.set_index("path").loc[paths]
    probabilities_NC = table[[f"p_{name}" for name in DIGITS]].to_numpy()
    np.testing.assert_allclose(probabilities_NC, expected_NC, atol=1e-5)
    assert (table["label"] == [DIGITS[place] for place in probabilities_NC.argmax(1)]).all()
    assert (table["probability"] == probabilities_NC.max(1)).all()


def test_members_of_several_image_sizes_and_normalisations_each_see_their_own(run, tmp_path):
    config = TrialConfig.model_validate_json(
        '{"epochs": 1, "batch_size": 64, "image_size": 24, "model": {"backbone": "test_resnet"},'
        '"method": {"name": "cross_entropy"}, "optim": {"lr": 0.05}}'
    )
    trainer = Trainer(config, prepare(DataConfig(source="digits", val_share=0.5), 24))
    trainer.train_epoch()
    save_checkpoint(run.trials / "another" / "checkpoint_1", trainer)
    random = np.random.default_rng(0)
    for place in range(12):
        name = tmp_path / "photos" / ("left", "right")[place % 2] / f"{place}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (5, 4, 3), dtype=np.uint8))
        coarse.resize((40 + place, 30 + 2 * place)).save(name)
    checkpoints = {"0000": checkpoints_of(run)["0000"], "another": run.trials / "another" / "checkpoint_1"}
    choose(run, "mean_probability", checkpoints, kept=KeptSize.automatic(24))
    table = read(predict_images(run.path, open_images(str(tmp_path / "photos"))).file).set_index("path")

    labelled = prepare(DataConfig(source=str(tmp_path / "photos"), val_share=0.5), 24)
    predictors = [load_predictor(folder) for folder in checkpoints.values()]
    assert predictors[0].normalisation != predictors[1].normalisation
    for split in labelled.splits:
        expected_NC = np.mean([alone(one, labelled, split) for one in predictors], axis=0)
        paths = labelled.manifest["path"][labelled.rows(split)]
        found_NC = table.loc[paths, [f"p_{name}" for name in DIGITS]].to_numpy()
        np.testing.assert_allclose(found_NC, expected_NC, atol=1e-5)


def alone(predictor, labelled, split):
    mean, std = predictor.normalisation.mean, predictor.normalisation.std
    loader = EvalLoader(labelled, split, batch_size=3, image_size=predictor.image_size, mean=mean, std=std)
    return predictor.probabilities(loader)


def test_a_missing_report_is_made_first(sweep, photos):
    said, counts = [], []
    done = predict_images(
        sweep.folder.path,
        open_images(str(photos[0])),
        progress=said.append,
        count=lambda *images: counts.append(images),
    )
    assert done.new_report == sweep.folder.report / "index.html"
    assert done.winner == read_winner(sweep.folder.report)
    assert "ensembling" in said
    assert counts == [(0, 359), (359, 359)]
    again = predict_images(sweep.folder.path, open_images(str(photos[0])), sweep.folder.path / "again.csv")
    assert again.new_report is None
    assert again.file.read_bytes() == done.file.read_bytes()


def test_a_sweep_without_a_checkpoint_cannot_predict(sweep, photos, capsys):
    writer = SweepWriter.open(sweep.state.uri, "digits", "hopeless")
    writer.start_trial("0", searched={"optim.lr": 1.0}, constants={}, config={})
    writer.finish_trial("0", "failed", cause="TrainingDiverged: nan")
    writer.finish("failed")
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, name="hopeless", parent_run_id=writer.state.parent_run_id))
    assert main([str(sweep.folder.path), "--predict", str(photos[0])]) == 2
    page = sweep.folder.report / "index.html"
    assert capsys.readouterr().err == (
        f"{sweep.folder.path}: no trial has a checkpoint to predict with; {page} says why\n"
    )
    assert not (sweep.folder.path / "predictions.csv").exists()


def test_a_broken_image_has_a_row_without_a_label_and_is_named(run, photos, tmp_path, capsys):
    whole = read(predict_images(run.path, open_images(str(photos[0])), tmp_path / "whole.csv").file)
    folder = tmp_path / "photos"
    shutil.copytree(photos[0], folder)
    cut, empty = photos[1][0], photos[1][5]
    (folder / cut).write_bytes((folder / cut).read_bytes()[:50])
    (folder / empty).write_bytes(b"")
    assert main([str(run.path), "--predict", str(folder), "--out", str(tmp_path / "new" / "x.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.endswith(f"\npredictions of 359 images: {tmp_path / 'new' / 'x.csv'}\n")
    assert said.out.startswith(f"predicted with {read_winner(run.report)}\n")
    [line] = said.err.splitlines()
    assert line.startswith("2 images cannot be read and have no label: ")
    assert f"{empty} (the file is empty)" in line
    assert line.endswith(f"; all: {tmp_path / 'new' / 'x.bad.csv'}")
    assert set(pd.read_csv(tmp_path / "new" / "x.bad.csv")["path"]) == {cut, empty}
    table = read(tmp_path / "new" / "x.csv")
    is_bad = table["path"].isin([cut, empty])
    assert (table.loc[is_bad, table.columns != "path"] == "").all(axis=None)
    for column in ("path", "label"):
        assert table.loc[~is_bad, column].tolist() == whole.loc[~is_bad, column].tolist()
    np.testing.assert_allclose(
        table.loc[~is_bad, "probability"].astype(float), whole.loc[~is_bad, "probability"], atol=1e-6
    )


def test_without_a_readable_image_there_is_no_file(run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"no image can be read: a\.png \(the file is empty\)"):
        predict_images(run.path, open_images(str(tmp_path / "photos")))
    there = {file.name for file in run.report.glob("[!l]*")}
    tables = {"classes.csv", "suspect_labels.csv", "tables", "figures"}
    assert there == {"finalists.json", "index.html", FILE} | tables


def test_a_zip_is_predicted_like_its_folder(run, photos, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in photos[1]:
            archive.write(photos[0] / path, path)
    done = [
        predict_images(run.path, open_images(str(images)), tmp_path / name).file.read_bytes()
        for images, name in ((photos[0], "folder.csv"), (tmp_path / "photos.zip", "zip.csv"))
    ]
    assert done[0] == done[1]


def test_any_file_name_is_written_as_it_is(run, tmp_path):
    name = b"caf\xe9, a\nname.png".decode(errors="surrogateescape")  # Latin-1, as old archives have it
    (tmp_path / "photos").mkdir()
    Image.new("L", (9, 9), 3).save(tmp_path / "photos" / "x.png")
    (tmp_path / "photos" / "x.png").rename(tmp_path / "photos" / name)
    done = predict_images(run.path, open_images(str(tmp_path / "photos")))
    assert b'\n"caf\xe9, a\nname.png",' in done.file.read_bytes()


def test_many_classes_have_no_column_each(run, photos, monkeypatch):
    monkeypatch.setattr(prediction_table, "MOST_COLUMNS", 9)
    table = read(predict_images(run.path, open_images(str(photos[0]))).file)
    assert list(table.columns) == ["path", "label", "probability"]


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_a_checkpoint_that_is_not_the_chosen_one_any_more_is_one_line(harm, run, photos, capsys):
    checkpoint = run.path / read_winner(run.report).members[0].checkpoint
    if harm == "gone":
        shutil.rmtree(checkpoint)
    else:
        weights = checkpoint / "network_1.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
    (run.path / "predictions.csv").write_text("of yesterday")
    assert main([str(run.path), "--predict", str(photos[0])]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{checkpoint}: the checkpoint ")
    assert line.endswith(f"choose again with: {command_line('reports', run.path)}")
    assert (run.path / "predictions.csv").read_text() == "of yesterday"


def test_predicting_that_breaks_leaves_the_file_of_before(run, photos):
    choose(run, None, {"0000": checkpoints_of(run)["0000"]}, classes=("cat", "dog"))
    (run.path / "predictions.csv").write_text("of yesterday")
    before = sorted(run.report.iterdir())
    with pytest.raises(UserError, match="the checkpoint knows 10 classes"):
        predict_images(run.path, open_images(str(photos[0])))
    assert sorted(run.report.iterdir()) == before
    assert (run.path / "predictions.csv").read_text() == "of yesterday"
