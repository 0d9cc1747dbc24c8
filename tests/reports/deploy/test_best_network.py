"""The best trial as a module: what it sees and says is what the trial's evaluation saw and said."""

import numpy as np
import pytest
import torch
from PIL import Image

from platform.datasets.preparation.unlabelled import SPLIT, open_images, read_blocks
from platform.training.checkpoints.loading import load_predictor
from reports.build.build import table_of_trials
from reports.build.winner import read_winner
from reports.deploy.best_network import best_network
from reports.deploy.predict import predict_images
from reports.deploy.prediction_table import read_predictions
from reports.evaluation.checkpoints import ReportError, find_checkpoint
from reports.sweeps.inputs import read_inputs


@pytest.fixture
def photos(tmp_path):
    draws = np.random.default_rng(0)
    for place in range(3):
        pixels = draws.integers(0, 256, (30 + place, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{place}.png")
    return tmp_path


def test_it_says_what_the_predictor_says_of_files_and_pictures(reported, photos):
    sweep, _ = reported
    folder = sweep.folder.path
    network = best_network(folder)
    files = sorted(photos.iterdir())
    pixels = torch.stack([network.transform(file) for file in files])
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (3, 3, *network.image_size)
    inputs = read_inputs(folder, None)
    [trial] = [one for one in inputs.sweep.trials if one.trial_id == network.trial]
    predictor = load_predictor(find_checkpoint(inputs.trials, trial, inputs.metric, inputs.mode).fetched())
    kept = read_winner(sweep.folder.report).kept
    [block] = read_blocks(open_images(str(photos)), [file.name for file in files], kept, network.classes)
    expected = predictor.probabilities(predictor.loader(block.data, SPLIT))
    np.testing.assert_allclose(network(pixels).detach().numpy(), expected, atol=1e-5)
    for given in (files[0].read_bytes(), Image.open(files[0]), np.array(Image.open(files[0])), str(files[0])):
        assert torch.equal(network.transform(given), pixels[0])
    first = network.predict(files[0])
    assert next(iter(first)) == network.classes[int(expected[0].argmax())]
    assert sum(first.values()) == pytest.approx(1, abs=1e-5)
    assert network.networks[0] is not predictor.networks[0]


def test_it_can_be_trained_further(reported):
    network = best_network(reported[0].folder.path)
    network(torch.zeros(2, 3, *network.image_size)).sum().backward()
    assert all(one.grad is not None for one in network.networks.parameters() if one.requires_grad)


def test_another_trial_can_be_named(reported):
    folder = reported[0].folder.path
    table = table_of_trials(folder)
    ranked = table[table["rank"].notna()]
    assert best_network(folder).trial == ranked["trial"].iloc[0]
    second = best_network(folder, ranked["trial"].iloc[1])
    assert (second.trial, second.value) == (
        ranked["trial"].iloc[1],
        pytest.approx(ranked[f"{second.metric} best"].iloc[1]),
    )
    with pytest.raises(ReportError, match=r"has no ranked trial none; there are: "):
        best_network(folder, "none")


def test_what_is_no_image_is_named(reported, tmp_path):
    network = best_network(reported[0].folder.path)
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(ReportError, match=r"text\.jpg: is no image that can be read: "):
        network.transform(tmp_path / "text.jpg")
    with pytest.raises(ReportError, match=r"gone\.jpg: is no image that can be read: .*No such file"):
        network.transform(tmp_path / "gone.jpg")
    with pytest.raises(ReportError, match=r"of uint8, got float64 \[8, 8, 3\]"):
        network.transform(np.zeros((8, 8, 3)))


def test_a_picture_of_cyan_and_magenta_is_one_too(reported):
    network, picture = best_network(reported[0].folder.path), Image.new("RGB", (20, 20), (200, 30, 0))
    assert torch.equal(network.transform(picture.convert("CMYK")), network.transform(picture))


def test_a_table_of_predictions_is_read_as_it_was_written(sweep, photos):
    (photos / "3.png").write_bytes(b"no image")
    done = predict_images(sweep.folder.path, open_images(str(photos)))
    table = read_predictions(done.file)
    assert list(table["path"]) == ["0.png", "1.png", "2.png", "3.png"]
    assert table["label"].iloc[3] is None or table["label"].isna().iloc[3]
    assert table["probability"].dtype == float
    assert set(table["label"].dropna()) <= set(best_network(sweep.folder.path).classes)


def test_the_table_of_trials_is_the_reports(reported):
    sweep, _ = reported
    written = sweep.folder.trials_csv.read_text()
    assert table_of_trials(sweep.folder.path).to_csv(index=False) == written


def test_a_network_of_identities_names_no_class(retrieval_sweep):
    network = best_network(retrieval_sweep.path)
    with pytest.raises(ReportError, match="is on identities: its network gives an image's embedding"):
        network.predict(Image.new("RGB", (20, 20)))
