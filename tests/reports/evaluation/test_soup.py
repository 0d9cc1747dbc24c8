"""Soups of real checkpoints: of two that lie around a good one, and of two that lie in different basins."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from platform.datasets.preparation.unlabelled import open_images
from platform.storage.folder import Folder
from platform.training.checkpoints.description import DESCRIPTION
from platform.training.checkpoints.loading import load_predictor
from platform.training.checkpoints.soup import mean_weights
from reports.build.build import build_report
from reports.build.winner import read_winner
from reports.deploy.chosen import load_chosen
from reports.deploy.export import write_exported
from reports.deploy.predict import predict_images
from reports.deploy.winner_model import WinnerModel
from reports.evaluation.checkpoints import checkpoint_digest
from reports.evaluation.predictions import kept_prediction
from reports.evaluation.soup import FOLDER, SoupMaker, remove_others, same_shapes, soup_digest, spaced_images

NOISE = 0.6  # of a tensor's own deviation


def stir(folder, original, sign):
    """Lay the original's weights in ``folder``, plus or minus the same noise."""
    for file in folder.glob("network_*.safetensors"):
        draws = torch.Generator().manual_seed(0)
        weights = load_file(original / file.name)
        for name, value in weights.items():
            if value.dim() > 1:
                weights[name] = value + sign * NOISE * value.std() * torch.randn(value.shape, generator=draws)
        save_file(weights, file)


@pytest.fixture(scope="module")
def souped(finished_sweep, ask, tmp_path_factory):
    """Its two best trials lie on both sides of the best one as it was; and its report."""
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("souped"))
    ask(sweep, "{top: 2}")
    original = tmp_path_factory.mktemp("original")
    checkpoints = [next((sweep.folder.trials / trial).glob("checkpoint_*")) for trial in ("0000", "0001")]
    shutil.copytree(checkpoints[0], original, dirs_exist_ok=True)
    for checkpoint, sign in zip(checkpoints, (1, -1), strict=True):
        stir(checkpoint, original, sign)
    return sweep, build_report(sweep.folder.path, top=2)


def soup_of(report):
    [soup] = [one for one in report.contents.ensembles.others if one.soup]
    return soup


def test_a_soup_is_the_mean_of_the_weights_and_better_than_what_it_is_made_of(souped):
    _, report = souped
    soup = soup_of(report)
    found = report.contents.ensembles
    assert set(soup.soup) == {"0000", "0001"} == {one.name for one in found.evaluated}
    assert soup.metrics["val/accuracy"] > max(one.metrics["val/accuracy"] for one in found.evaluated)
    files = [
        load_file(one.checkpoint.fetched() / "network_1.safetensors") for one in (*found.evaluated, soup)
    ]
    one, other, mean = (file["conv1.0.weight"] for file in files)
    torch.testing.assert_close(mean, (one + other) / 2)
    one, other, measured = (file["bn1.running_mean"] for file in files)
    assert not torch.allclose(measured, (one + other) / 2, atol=1e-3)
    [kind] = [each for each in found.best if each.kind == "soup"]
    assert found.costs(kind) == (found.evaluated[0].parameters, soup.ms_an_image)


def test_without_batch_norms_own_statistics_it_would_be_worse(souped, data):
    sweep, report = souped
    maker = SoupMaker(sweep.folder.path, data, "val/accuracy", "max")
    measured = maker.averaged(report.contents.ensembles.evaluated)
    as_averaged = maker.averaged(report.contents.ensembles.evaluated)
    members = [load_predictor(one.checkpoint.fetched()) for one in report.contents.ensembles.evaluated]
    for place, network in enumerate(as_averaged.networks):
        network.load_state_dict(mean_weights([one.networks[place].state_dict() for one in members]))

    def loss(predictor):
        said_NC = predictor.probabilities(predictor.loader(data, "val"))
        return -np.log(said_NC[np.arange(len(said_NC)), data.given("val")]).mean()

    assert loss(measured) < loss(as_averaged)


def test_the_next_report_makes_nothing_again(souped, tmp_path, monkeypatch):
    sweep = souped[0].copy(tmp_path)
    monkeypatch.setattr(SoupMaker, "averaged", None)
    again = build_report(sweep.folder.path, top=2)
    assert soup_of(again).digest == soup_of(souped[1]).digest
    assert soup_of(again).metrics == soup_of(souped[1]).metrics


def test_a_soup_that_wins_predicts_and_exports_what_was_judged(souped, data, let_win, pictures_of, tmp_path):
    folder, best = let_win(*souped, "soup", tmp_path)
    soup = soup_of(souped[1])
    kept = kept_prediction(
        Folder.of(folder.path / FOLDER / soup.checkpoint.name), soup.digest, data, folder.path
    )
    judged_NC = best.combine(np.log(kept.mean_NC)[None] / np.float32(soup.temperature))
    winner = read_winner(folder.report)
    assert str(winner).startswith("soup (000")
    photos = pictures_of(data, "val", tmp_path / "photos")
    table = pd.read_csv(predict_images(folder.path, open_images(str(photos))).file)
    columns = [f"p_{name}" for name in data.classes]
    np.testing.assert_allclose(table[columns].to_numpy(), judged_NC, atol=1e-4)
    [exported] = write_exported(load_chosen(folder, lambda _: None), tmp_path / "out", lambda _: None)
    assert exported.file.name == "1_" + "+".join(winner.members[0].soup) + ".pt"
    away = WinnerModel(tmp_path / "out").predict([path.read_bytes() for path in sorted(photos.iterdir())[:9]])
    np.testing.assert_allclose(away[columns].to_numpy(), judged_NC[:9], atol=1e-4)


def test_networks_of_different_basins_make_no_soup_and_the_page_says_so(sweep, ask):
    """Of the second the weights are those of the first, negated: their mean is nothing."""
    ask(sweep, "{top: 2}")
    first, second = (next((sweep.folder.trials / one).glob("checkpoint_*")) for one in ("0001", "0000"))
    for file in second.glob("network_*.safetensors"):
        weights = load_file(first / file.name)
        save_file({name: -value if value.dim() > 1 else value for name, value in weights.items()}, file)
    report = build_report(sweep.folder.path, top=2)
    assert not [one for one in report.contents.ensembles.others if one.soup]
    [remark] = (one for one in report.contents.ensembles.remarks if "soup" in one)
    assert remark.startswith("No soup: the weights of 000")
    assert remark in report.page.read_text()
    assert not list((sweep.folder.path / FOLDER).glob("*"))


def test_only_networks_of_the_same_shape_are_averaged(reported, tmp_path):
    trials = reported[1].contents.ensembles.evaluated
    assert same_shapes(trials) == [trials]
    assert same_shapes(trials[:1]) == []
    copied = tmp_path / "checkpoint"
    shutil.copytree(trials[0].checkpoint.fetched(), copied)
    description = json.loads((copied / DESCRIPTION).read_text())
    description["networks"][0]["section"] |= {"dropout": 0.4}
    (copied / DESCRIPTION).write_text(json.dumps(description))
    other = replace(trials[0], checkpoint=Folder.of(copied))
    assert same_shapes([other, trials[1]]) == [[other, trials[1]]], "dropout is no shape"
    (copied / DESCRIPTION).write_text(json.dumps(description | {"image_size": 18}))
    assert same_shapes([other, trials[1]]) == []


def test_the_digest_of_a_soup_does_not_depend_on_the_order(reported):
    trials = reported[1].contents.ensembles.evaluated
    assert soup_digest(trials) == soup_digest(trials[::-1]) != soup_digest(trials[:1])


@pytest.mark.parametrize(
    ("batch_size", "images", "taken", "whole_batches"),
    [(16, 20, 20, False), (16, 65, 64, True), (500, 5000, 2000, True), (8, 100_000, 2048, True)],
)
def test_images_for_batch_norm_are_some_of_all_in_whole_batches(batch_size, images, taken, whole_batches):
    places = range(images)[spaced_images(batch_size, images)]
    assert len(places) == taken
    assert whole_batches == (taken % (2 * batch_size) == 0)


def test_a_soup_on_disk_is_a_checkpoint(souped):
    soup = soup_of(souped[1])
    folder = soup.checkpoint.fetched()
    assert checkpoint_digest(folder) == soup.digest
    description = json.loads((folder / DESCRIPTION).read_text())
    assert description["metrics"] == {} and len(description["soup"]) == 2


def test_what_is_no_soup_stays_beside_them(tmp_path):
    (tmp_path / FOLDER / "old").mkdir(parents=True)
    (tmp_path / FOLDER / ".DS_Store").touch()
    (tmp_path / FOLDER / "link").symlink_to(tmp_path)
    remove_others(tmp_path, [])
    assert {one.name for one in (tmp_path / FOLDER).iterdir()} == {".DS_Store", "link"}
