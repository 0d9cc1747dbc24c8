"""The report of a real sweep on identities: embeddings of several trials, judged, recorded and used again."""

import json

import numpy as np
import pytest

from platform.config.load import load_space
from platform.datasets.preparation.prepare import prepare
from platform.datasets.preparation.unlabelled import SPLIT, image_paths, open_images, read_blocks
from platform.storage.whole_files import npz
from platform.training.checkpoints.loading import load_predictor
from platform.training.evaluation.embeddings import chosen, query_results
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from reports.build.build import build_report
from reports.build.winner import FILE as WINNER
from reports.build.winner import read_winner
from reports.deploy.chosen import load_chosen
from reports.ensembles.embedding_ensembles import concatenated
from reports.evaluation.finalists import FILE


@pytest.fixture(scope="module")
def data(retrieval_sweep):
    config = load_space(retrieval_sweep.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    return prepare(config.data, config.image_size)


@pytest.fixture
def report(retrieval_run):
    return build_report(retrieval_run.path)


def embeddings_of(folder, data, split):
    """By trial."""
    found = {}
    for trial in sorted(folder.trials.iterdir()):
        checkpoint = max(trial.glob("checkpoint_*"))  # the best is written last
        predictor = load_predictor(checkpoint)
        embedded = predictor.network_embeddings(predictor.loader(data, split))
        found[trial.name] = chosen(embedded, predictor.config.retrieval)
    return found


def test_the_ensembles_are_what_their_members_embeddings_are_worth(report, retrieval_run, data):
    found = report.contents.ensembles
    on_val = embeddings_of(retrieval_run, data, "val")
    on_test = embeddings_of(retrieval_run, data, "test")
    assert [len(one.members) for one in found.grown] == [2, 3]
    assert {one.rule for one in found.best} <= {"concatenation", "weighted_concatenation"}
    scores = {score.name: score.metrics for score in report.contents.test.scores}
    assert len(scores) == 1 + len(found.best)
    for ensemble in found.best:
        members = found.names(ensemble)
        val_ND, test_ND = (
            concatenated([one[trial] for trial in members], ensemble.learnt) for one in (on_val, on_test)
        )
        assert ensemble.metrics["val/map"] == pytest.approx(
            query_results(val_ND, data, "val").metrics()["map"]
        )
        assert ensemble.gain.low <= ensemble.gain.difference <= ensemble.gain.high
        gained = ensemble.metrics["val/map"] - found.evaluated[0].metrics["val/map"]
        assert ensemble.gain.difference == pytest.approx(gained)
        name = f"{ensemble.rule.replace('_', ' ')} of {len(members)}"
        assert scores[name]["map"] == pytest.approx(query_results(test_ND, data, "test").metrics()["map"])
        gain = scores[name]["map"] - scores["best single trial"]["map"]
        assert scores[name]["gain"] == pytest.approx(gain, abs=1e-6)


def test_the_best_of_all_is_recorded_and_makes_the_same_embeddings_again(report, retrieval_run, data):
    winner = read_winner(retrieval_run.report)
    best = report.contents.ensembles.winner
    assert best is not None, {one.rule: one.metrics for one in report.contents.ensembles.best}
    assert winner.rule == best.rule
    assert [one.trial for one in winner.members] == list(report.contents.ensembles.names(best))
    loaded = load_chosen(retrieval_run, lambda _: None)
    on_val = embeddings_of(retrieval_run, data, "val")
    again_ND = concatenated([on_val[one.trial] for one in winner.members], loaded.ensemble.learnt)
    value = query_results(again_ND, data, "val").metrics()["map"]
    assert winner.value == pytest.approx(value)
    np.testing.assert_array_equal(loaded.ensemble.members, range(len(winner.members)))


def test_the_page_shows_them_beside_the_best_single_trial(report):
    page = report.page.read_text(encoding="utf-8")
    assert "concatenation of 2" in page or "concatenation of 3" in page
    assert "concatenates their embeddings" in page
    assert any(line.startswith("Best ensemble: ") for line in report.summary)
    assert (report.page.parent / "tables" / "ensembles.csv").exists()


def test_test_is_scored_once(report, retrieval_run):
    before = (retrieval_run.report / FILE).read_bytes()
    build_report(retrieval_run.path)
    assert (retrieval_run.report / FILE).read_bytes() == before
    assert len(json.loads(before)["scorings"]) == 1


def test_members_weights_come_with_the_winner(retrieval_run, people):
    weights = {"weights_M": np.array([0.75, 0.25])}
    (retrieval_run.report / "learnt-weights.npz").write_bytes(npz(weights))
    winner = read_winner(retrieval_run.report)
    assert len(winner.members) == 2
    uneven = winner.model_copy(update={"rule": "weighted_concatenation", "learnt": "learnt-weights.npz"})
    (retrieval_run.report / WINNER).write_text(uneven.model_dump_json())
    loaded = load_chosen(retrieval_run, lambda _: None)
    source = open_images(str(people.others))
    [block] = read_blocks(source, image_paths(source), winner.kept, winner.classes)
    seen = [one.network_embeddings(one.loader(block.data, SPLIT))[0] for one in loaded.predictors]
    np.testing.assert_array_equal(loaded.embeddings(block), concatenated(seen, weights))
    assert str(loaded.winner).startswith("weighted concatenation of 2 trials (")
