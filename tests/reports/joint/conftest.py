"""Two real sweeps in one report: peer at 16 px, and plain cross-entropy at 24 px, on the same digits."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from platform.config.load import load_space
from platform.datasets.preparation.prepare import prepare, save_manifest
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.loop.trainer import Trainer
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from reports.build.build import Report, build_report

PLAIN = """\
epochs: 2
batch_size: 64
image_size: 24
augment: {horizontal_flip: 0.0}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [0.001, 0.1]}}
data: {source: digits, imbalance: 10, noise: {kind: symmetric, rate: 0.3}}
search: {trials: 1}
report: {top: 2}
"""


@dataclass(frozen=True)
class Runs:
    """``digits`` and ``plain``, two sweeps' folders in ``path``, and where their joint report goes."""

    path: Path

    @property
    def sweeps(self) -> list[Path]:
        return [self.path / "digits", self.path / "plain"]

    @property
    def joint(self) -> Path:
        return self.path / "digits+plain"

    def copy(self, into: Path) -> "Runs":
        shutil.copytree(self.path, into)
        return Runs(into)

    def build(self, **options) -> Report:
        return build_report(self.joint, joining=self.sweeps, **options)


@pytest.fixture(scope="package")
def both(reported, tmp_path_factory):
    """The sweep with its report, and beside it a plain one without. Nobody may change them."""
    path = tmp_path_factory.mktemp("both") / "runs"
    sweep = reported[0].copy(path)
    make_plain(SweepFolder(path / "plain"), sweep)
    return Runs(path)


@pytest.fixture(scope="package")
def joined(both, tmp_path_factory):
    """A copy with the joint report, and what that said. Nobody may change it."""
    runs = both.copy(tmp_path_factory.mktemp("joined") / "runs")
    return runs, runs.build()


@pytest.fixture
def runs(both, tmp_path):
    """A copy without the joint report that a test may change."""
    return both.copy(tmp_path / "runs")


def make_plain(folder, beside):
    """What a search leaves behind of one trial of one epoch."""
    folder.trials.mkdir(parents=True)
    folder.space.write_text(PLAIN)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    data = prepare(config.data, config.image_size)
    save_manifest(data, folder.manifest)
    state = SweepWriter.open(beside.state.uri, "digits", "plain").state
    trainer = Trainer(config.trial(), data)
    checkpoint = folder.trials / "0000" / "checkpoint_1"
    with SpooledWriter(state, folder.spool) as writer:
        record = DatasetRecord("digits", "digits", data.digest, {}, data.classes)
        writer.log_sweep(SweepDescription(PLAIN, "a plan\n", {}, 0, record))
        writer.start_trial("0000", searched={}, constants={}, config=trainer.config.model_dump(mode="json"))
        writer.report("0000", 1, trainer.train_epoch())
        save_checkpoint(checkpoint, trainer)
        writer.finish_trial("0000", "finished", checkpoint=str(checkpoint))
        writer.finish("finished")
        writer.catch_up()
    identity = replace(beside.folder.read_record(), name="plain", parent_run_id=state.parent_run_id)
    folder.write_record(identity)
