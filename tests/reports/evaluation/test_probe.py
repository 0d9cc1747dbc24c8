"""Features of the probe: of the weights that a trial started from, kept, or of the pictures."""

import numpy as np
import pytest
import safetensors.torch
import torch

from platform.models.build import build
from platform.training.checkpoints.loading import load_predictor
from reports.build.build import build_report
from reports.evaluation import probe as module
from reports.evaluation.checkpoints import find_checkpoint
from reports.sweeps.inputs import read_inputs


@pytest.fixture
def config(finished_sweep):
    inputs = read_inputs(finished_sweep.folder.path, None)
    trial = inputs.sweep.trials[0]
    return load_predictor(find_checkpoint(inputs.trials, trial, "val/accuracy", "max").fetched()).config


def test_a_report_compares_its_best_trial_with_the_probe(reported):
    _, report = reported
    found = report.contents.explained.probe
    assert found.features.startswith("colours and edges")
    assert found.trial == report.contents.ensembles.evaluated[0].name
    assert found.value == pytest.approx(report.contents.ensembles.evaluated[0].metrics["val/accuracy"])
    html = report.page.read_text(encoding="utf-8")
    assert html.index('id="probe-table"') < html.index('id="ranking-table"')
    assert (report.page.parent / "tables" / "probe.csv").exists()
    assert any("the probe (" in line for line in report.summary)


def test_report_probe_false_leaves_it_out(sweep, data, ask):
    ask(sweep, "{top: 1, soup: false, probe: false}")
    report = build_report(sweep.folder.path, data=data)
    assert report.contents.explained.probe is None
    assert 'id="probe"' not in report.page.read_text(encoding="utf-8")


def test_features_are_those_of_the_initial_weights_and_kept_for_them(config, data, tmp_path, monkeypatch):
    torch.manual_seed(1)
    network = build(config.model, len(data.classes), 16)
    file = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(network.state_dict(), file)
    start = config.model_copy(
        update={"model": config.model.model_copy(update={"weights": str(file)}), "init_from": None}
    )
    places = np.arange(0, len(data.rows("train")), 7)
    first = module._features(start, data, places, tmp_path)
    assert first.learnt_ND.shape == (len(places), network.num_features)
    assert len(first.asked_VD) == len(data.rows("val"))
    monkeypatch.setattr(module, "build_networks", None)  # a second report computes nothing
    again = module._features(start, data, places, tmp_path)
    np.testing.assert_array_equal(again.learnt_ND, first.learnt_ND)

    with torch.no_grad():
        next(network.parameters()).add_(1)
    digest = module._digest(start)
    safetensors.torch.save_file(network.state_dict(), file)
    assert module._digest(start) != digest
