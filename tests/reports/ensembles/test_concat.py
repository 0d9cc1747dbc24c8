"""A linear classifier on features side by side, against plain formulas; and in a report."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from platform.datasets.preparation.unlabelled import open_images
from platform.models.heads.embedding import embed
from platform.training.checkpoints.loading import load_predictor
from reports.build.build import build_report
from reports.deploy.chosen import load_chosen
from reports.deploy.export import write_exported
from reports.deploy.predict import predict_images
from reports.deploy.ship import validation_probabilities
from reports.deploy.winner_model import WinnerModel
from reports.ensembles import concat
from reports.ensembles.concat import PRIOR, UNSEEN, classify, fit_linear, judged_features, side_by_side
from reports.evaluation.features import kept_features
from reports.sweeps.inputs import read_inputs


def blobs(samples=150, classes=4, seed=0):
    draws = np.random.default_rng(seed)
    labels_N = draws.integers(classes, size=samples)
    centres = draws.normal(size=(classes, 6)) * 1.5
    return (centres[labels_N] + draws.normal(size=(samples, 6))).astype(np.float32), labels_N


@pytest.mark.parametrize("classes", [2, 4])
def test_the_classifier_is_at_the_minimum_of_its_loss(classes):
    features_ND, labels_N = blobs(classes=classes)
    learnt = fit_linear(features_ND, labels_N, classes)
    standardised = (features_ND - features_ND.mean(0)) / features_ND.std(0)

    def loss(flat):
        if classes == 2:  # one score, the other's is 0
            flat = np.stack([np.zeros(7), flat], axis=1).ravel()
        weights_DC, bias_C = flat[: 6 * classes].reshape(6, classes), flat[6 * classes :]
        scores_NC = standardised @ weights_DC + bias_C
        right_N = scores_NC[np.arange(150), labels_N] - np.log(np.exp(scores_NC).sum(1))
        return 0.5 * (weights_DC**2).sum() - PRIOR / 6 * right_N.sum()

    found = np.concatenate([learnt["weights_DC"], learnt["bias_C"][None]])
    slope = approx_fprime((found[:, 1] if classes == 2 else found).ravel(), loss, 1e-6)
    assert np.abs(slope).max() < 0.05
    scores_NC = standardised @ learnt["weights_DC"] + learnt["bias_C"]
    by_hand_NC = np.exp(scores_NC) / np.exp(scores_NC).sum(1, keepdims=True)
    np.testing.assert_allclose(classify(features_ND, **learnt), by_hand_NC, atol=1e-5)


def test_with_fewer_samples_than_features_it_is_what_scikit_learn_finds_in_all_of_them():
    draws = np.random.default_rng(1)
    features_ND, labels_N = draws.normal(size=(30, 80)).astype(np.float32), np.arange(30) % 3
    learnt = fit_linear(features_ND, labels_N, 3)
    standardised = (features_ND - features_ND.mean(0)) / features_ND.std(0)
    expected = LogisticRegression(C=PRIOR / 80, max_iter=1000, tol=1e-8).fit(standardised, labels_N)
    np.testing.assert_allclose(learnt["weights_DC"], expected.coef_.T, atol=1e-3)
    said_NC = classify(features_ND, **learnt)
    np.testing.assert_allclose(said_NC, expected.predict_proba(standardised), atol=1e-3)


def test_classes_without_samples_and_features_that_never_change_count_nothing():
    features_ND, labels_N = blobs()
    features_ND[:, 2] = 7
    learnt = fit_linear(features_ND, labels_N, 6)
    assert (learnt["bias_C"][4:] == UNSEEN).all()
    said_NC = classify(features_ND + np.eye(6, dtype=np.float32)[2], **learnt)
    np.testing.assert_array_equal(said_NC, classify(features_ND, **learnt))
    assert said_NC[:, 4:].max() < 1e-6
    only = classify(features_ND, **fit_linear(features_ND, np.full(150, 3), 6))
    assert (only.argmax(1) == 3).all()


def test_what_is_judged_is_of_samples_that_were_not_learnt_from():
    """Labels that mean nothing are learnt by heart from 60 features, and found by chance where left out."""
    draws = np.random.default_rng(0)
    features_ND, labels_N = draws.normal(size=(80, 60)).astype(np.float32), draws.integers(2, size=80)
    by_heart = classify(features_ND, **fit_linear(features_ND, labels_N, 2)).argmax(1) == labels_N
    left_out = judged_features(features_ND, labels_N, 2).argmax(1) == labels_N
    assert by_heart.mean() > 0.85 and left_out.mean() < 0.65


@pytest.fixture(scope="module")
def concatenated(finished_sweep, ask, tmp_path_factory):
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("concatenated"))
    ask(sweep, "{top: 2, concat: true, soup: false}")
    return sweep, build_report(sweep.folder.path, top=2)


def test_features_are_those_that_the_classifiers_take_of_unit_length(concatenated, data):
    sweep, report = concatenated
    one = report.contents.ensembles.evaluated[0]
    kept_ND = kept_features(one.checkpoint, one.digest, data, sweep.folder.path)
    predictor = load_predictor(one.checkpoint.fetched())
    batch = next(iter(predictor.loader(data, "val")))
    parts = [embed(network.eval(), batch.images).detach().numpy() for network in predictor.networks]
    by_hand = np.concatenate([part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts], axis=1)
    np.testing.assert_allclose(kept_ND[: len(by_hand)], by_hand, atol=1e-5)


def test_a_concatenation_that_wins_predicts_ships_and_exports_what_was_judged(
    concatenated, data, let_win, pictures_of, tmp_path
):
    sweep, report = concatenated
    folder, best = let_win(*concatenated, "concat", tmp_path)
    members = [report.contents.ensembles.evaluated[place] for place in best.members]
    features_MND = [kept_features(one.checkpoint, one.digest, data, sweep.folder.path) for one in members]
    said_NC = best.combine_features(features_MND)

    photos = pictures_of(data, "val", tmp_path / "photos")
    done = predict_images(folder.path, open_images(str(photos)))
    assert str(done.winner).startswith("concatenated features of 2 trials (000")
    columns = [f"p_{name}" for name in data.classes]
    np.testing.assert_allclose(pd.read_csv(done.file)[columns].to_numpy(), said_NC, atol=1e-4)

    chosen = load_chosen(folder, lambda _: None)
    exported = write_exported(chosen, tmp_path / "out", lambda _: None)
    assert {one.gives for one in exported} == {"features"}
    away = WinnerModel(tmp_path / "out").predict([path.read_bytes() for path in sorted(photos.iterdir())[:9]])
    np.testing.assert_allclose(away[columns].to_numpy(), said_NC[:9], atol=1e-4)

    judged_NC = validation_probabilities(chosen, read_inputs(folder.path, 2), data)
    accuracy = (judged_NC.argmax(1) == data.given("val")).mean()
    assert accuracy == pytest.approx(best.metrics["val/accuracy"])
    by_hand_NC = judged_features(side_by_side(features_MND), data.given("val"), 10)
    np.testing.assert_array_equal(judged_NC.argmax(1), by_hand_NC.argmax(1))


def test_what_would_take_too_long_is_left_out_with_a_word(finished_sweep, ask, tmp_path, monkeypatch):
    monkeypatch.setattr(concat, "MOST_WORK", 1.0)
    sweep = finished_sweep.copy(tmp_path / "runs")
    ask(sweep, "{top: 2, concat: true, soup: false}")
    report = build_report(sweep.folder.path, top=2)
    assert "concat" not in {one.kind for one in report.contents.ensembles.best}
    assert re.search(
        r"not concatenated: \d+ images x \d+ features x 10 classes would take too long",
        report.page.read_text(),
    )


def test_it_is_scored_on_test_and_shown_on_the_page(concatenated):
    _, report = concatenated
    assert "concatenated features of 2" in [score.name for score in report.contents.test.scores]
    assert "concatenated features of 2" in report.page.read_text()
