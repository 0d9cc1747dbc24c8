"""Trials in other views: which there are, what they say, and that what is predicted is what was judged."""

import re

import numpy as np
import pandas as pd
import pytest

from platform.datasets.batches.prediction_views import PLAIN
from platform.datasets.image_size import Size
from platform.datasets.preparation.unlabelled import open_images
from platform.training.checkpoints.loading import load_predictor
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.settings.sweep_config import ReportConfig
from reports.__main__ import main
from reports.build.build import build_report
from reports.build.winner import read_winner
from reports.deploy.chosen import load_chosen
from reports.deploy.export import write_exported
from reports.deploy.predict import predict_images
from reports.deploy.winner_model import WinnerModel
from reports.ensembles.rules import logits_of
from reports.evaluation.predictions import FOLDER, kept_prediction
from reports.evaluation.views import families, views_of


def trial(backbone="test_resnet", flip=0.0, **sections):
    values = {
        "epochs": 1,
        "model": {"backbone": backbone},
        "augment": {"horizontal_flip": flip},
        "method": {"name": "cross_entropy"},
    }
    return TrialConfig.model_validate(values | sections, strict=False)


def test_the_families_are_those_that_a_yaml_may_name():
    config = ReportConfig.model_validate({"views": sorted(families())})
    assert config.views == tuple(sorted(families()))
    with pytest.raises(ValueError, match="twice"):
        ReportConfig.model_validate({"views": ["flip", "flip"]})


@pytest.mark.parametrize(
    ("flip", "asked", "names"),
    [
        (0.0, None, []),
        (0.5, None, ["flip"]),
        (0.0, ("flip",), ["flip"]),
        (0.5, (), []),
        (0.0, ("crops", "sizes"), ["crops", "at 14 px", "at 18 px"]),
    ],
)
def test_mirror_images_are_looked_at_where_the_trial_learnt_from_some_or_when_asked_for(flip, asked, names):
    found = views_of(trial(flip=flip), Size(16, 16), asked)
    assert [view.name for views in found.values() for view in views] == names


@pytest.mark.parametrize(
    ("backbone", "size", "sizes"),
    [
        ("resnet18", (224, 224), [(192, 192), (256, 256)]),
        ("resnet18", (384, 384), [(320, 320), (448, 448)]),
        ("resnet18", (256, 128), [(224, 112), (288, 144)]),
        ("vit_small_patch16_224", (224, 224), [(192, 192), (256, 256)]),
        ("vit_small_patch14_dinov2", (224, 224), [(196, 196), (252, 252)]),
        ("resnet18", (8, 8), [(9, 9)]),
        ("vit_small_patch16_224", (32, 32), []),
    ],
)
def test_sizes_are_rounded_to_what_a_backbone_takes(backbone, size, sizes):
    found = views_of(trial(backbone), Size(*size), ("sizes",))
    assert [view.image_size for view in found["sizes"]] == [Size(*one) for one in sizes]


@pytest.fixture(scope="module")
def viewed(finished_sweep, ask, tmp_path_factory):
    """The sweep with all views asked for, and its report. Nobody may change it."""
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("viewed"))
    ask(sweep, "{top: 2, views: [flip, sizes, crops], soup: false}")
    return sweep, build_report(sweep.folder.path, top=2)


def by_hand(data, checkpoint, view):
    """[N, C] of validation: the mean over networks and crops."""
    predictor = load_predictor(checkpoint.fetched(), "cpu", view.image_size)
    of_crops = [predictor.probabilities(predictor.loader(data, "val", crop)) for crop in view.crops]
    return np.mean(of_crops, axis=0)


def test_every_trial_is_judged_in_every_view_and_what_it_says_is_kept(viewed, data):
    sweep, report = viewed
    found = report.contents.ensembles
    names = [one.ranked.trial.trial_id for one in found.evaluated]
    views = ("flip", "at 14 px", "at 18 px", "crops")
    assert [one.name for one in found.others] == [f"{name} {view}" for name in names for view in views]
    assert len(list((sweep.folder.path / FOLDER).iterdir())) == 2 * 5
    for one in found.others[:4]:
        kept = kept_prediction(one.checkpoint, one.digest, data, sweep.folder.path, one.view)
        np.testing.assert_allclose(kept.mean_NC, by_hand(data, one.checkpoint, one.view), atol=1e-5)
        right = kept.mean_NC.argmax(1) == data.given("val")
        assert one.metrics["val/accuracy"] == pytest.approx(right.mean())


def test_views_make_ensembles_of_their_own_that_cost_what_they_cost(viewed):
    found = viewed[1].contents.ensembles
    kinds = {one.kind: one for one in found.best if one.kind not in ("trials", "adjusted")}
    assert {"tta", "size"} <= kinds.keys() <= {"tta", "size", "mixed"}
    for kind in ("tta", "size"):
        one = kinds[kind]
        members = [found.candidates[place] for place in one.members]
        assert members[0].view == PLAIN
        assert len({member.digest for member in members}) == 1
        parameters, ms = found.costs(one)
        assert parameters == members[0].parameters
        assert ms == pytest.approx(sum(member.ms_an_image for member in members))
        assert one.gain is not None
    assert {one.kind for one in found.grown} >= {"tta", "size"}


@pytest.mark.parametrize("bounds", [{"max_members": 1}, {"max_latency_ms": 1e-9}])
def test_views_are_bounded_like_members(bounds, viewed, tmp_path):
    sweep = viewed[0].copy(tmp_path)
    report = build_report(sweep.folder.path, top=2, **bounds)
    assert {one.kind for one in report.contents.ensembles.best} <= {"adjusted"}, "which is one trial"
    crops = build_report(sweep.folder.path, top=1, max_members=5).contents.ensembles
    used = [
        crops.candidates[place].view.name for one in crops.grown if one.kind == "tta" for place in one.members
    ]
    assert "crops" not in used, "with the plain view there are six crops"


def test_the_page_names_the_views_of_an_ensemble(viewed):
    page = viewed[1].page.read_text()
    assert re.search(r"<td>test-time augmentation of \d(, best)?</td>", page)
    assert re.search(r"<td>000\d, 000\d (flip|crops)", page)


@pytest.mark.parametrize("kind", ["tta", "size"])
def test_what_is_predicted_shipped_and_exported_is_what_was_judged(
    kind, viewed, data, pictures_of, let_win, tmp_path
):
    folder, best = let_win(*viewed, kind, tmp_path)
    photos = pictures_of(data, "val", tmp_path / "photos")
    candidates = viewed[1].contents.ensembles.candidates
    members = [candidates[place] for place in best.members]
    said_MNC = [logits_of(by_hand(data, one.checkpoint, one.view)) / one.temperature for one in members]
    judged_NC = best.combine(np.stack(said_MNC))

    winner = read_winner(folder.report)
    assert [member.view for member in winner.members] == [one.view for one in members]
    done = predict_images(folder.path, open_images(str(photos)))
    table = pd.read_csv(done.file)
    columns = [f"p_{name}" for name in data.classes]
    np.testing.assert_allclose(table[columns].to_numpy(), judged_NC, atol=1e-4)

    exported = write_exported(load_chosen(folder, lambda _: None), tmp_path / "out", lambda _: None)
    assert len(exported) == len({one.view.image_size for one in members})
    paths = sorted(photos.iterdir())
    away = WinnerModel(tmp_path / "out").predict([path.read_bytes() for path in paths[:20]])
    np.testing.assert_allclose(away[columns].to_numpy(), judged_NC[:20], atol=1e-4)


def test_exporting_says_that_looks_are_not_in_the_files(viewed, let_win, tmp_path, capsys):
    folder, _ = let_win(*viewed, "tta", tmp_path)
    assert main([str(folder.path), "--export", "torchscript"]) == 0
    assert "yourself; model.json describes them" in capsys.readouterr().out
