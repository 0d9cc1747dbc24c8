"""Reports of sweeps whose folder, MLflow or images were moved since."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from platform.tracking.reading.reader import read_sweep
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.__main__ import main
from reports.build.build import build_report
from reports.sweeps.inputs import read_inputs
from tests.reports.stories import Story, record_sweep

SPACE = """\
epochs: 1
batch_size: 16
image_size: 16
model: {{backbone: test_resnet}}
method: {{name: cross_entropy}}
optim: {{lr: {{loguniform: [0.001, 0.1]}}}}
data: {{source: {source}, val_share: 0.3}}
search: {{trials: 1}}
report: {{top: 1, soup: false}}
"""


def test_a_copied_sweep_without_its_mlflow_is_reported_from_the_spool(sweep, tmp_path, monkeypatch):
    gone = tmp_path / "another machine"
    gone.mkdir()
    record = sweep.folder.read_record()
    sweep.folder.write_record(replace(record, tracking_uri=f"sqlite:///{gone}/mlflow.db"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/here.db")
    report = build_report(sweep.folder.path)
    assert report.undelivered is None
    assert any("made its runs anew in" in notice for notice in report.contents.notices)
    assert report.contents.ensembles is not None, "its checkpoints are found where the folder is now"
    now = sweep.folder.read_record()
    made = read_sweep(now.tracking_uri, now.parent_run_id)
    before = read_sweep(record.tracking_uri, record.parent_run_id)
    assert [one.history for one in made.trials] == [one.history for one in before.trials]
    assert list(gone.iterdir()) == []


@pytest.fixture
def on_photos(tmp_path):
    """A sweep of one trial on class folders, which were moved to ``new`` since."""
    draws = np.random.default_rng(0)
    for name, low in (("a", 0), ("b", 128)):
        (tmp_path / "old" / name).mkdir(parents=True)
        for place in range(20):
            pixels = draws.integers(low, low + 127, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "old" / name / f"{place}.png")
    folder = SweepFolder(tmp_path / "runs" / "photos")

    def story(config):
        trial = config.trial()
        optim = trial.optim.model_copy(update={"lr": 0.01})
        trial = trial.model_copy(update={"optim": optim})
        yield Story("0000", trial, {"optim.lr": 0.01}, 1)

    record_sweep(folder, SPACE.format(source=tmp_path / "old"), story)
    shutil.move(tmp_path / "old", tmp_path / "new")
    return folder


def test_images_that_moved_are_named_once_and_recorded(on_photos, tmp_path, capsys):
    assert main([str(on_photos.path)]) == 0
    assert "for want of the data" in capsys.readouterr().out
    assert main([str(on_photos.path), f"data.source={tmp_path / 'new'}"]) == 0
    assert "for want of the data" not in capsys.readouterr().out
    assert read_inputs(on_photos.path, None).data_config.source == str(tmp_path / "new")


def test_other_images_are_not_taken_for_those_that_moved(on_photos, tmp_path, capsys):
    (tmp_path / "new" / "a" / "0.png").unlink()
    before = on_photos.space.read_text()
    assert main([str(on_photos.path), f"data.source={tmp_path / 'new'}"]) == 0
    assert "is no longer what the sweep learnt from" in capsys.readouterr().out
    assert on_photos.space.read_text() == before


def test_where_the_images_are_belongs_to_one_sweeps_report(tmp_path, capsys):
    assert main([str(tmp_path), "data.source=photos", "--ship"]) == 2
    assert capsys.readouterr().err.startswith("data.source=PATH: goes with the report of one sweep")
