"""Two real sweeps in one report: peer at 16 px, and plain cross-entropy at 24 px, on the same digits."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform.tuning.folder.sweep_folder import SweepFolder
from reports.build.build import Report, build_report
from tests.reports.stories import Story, record_sweep

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
    record_sweep(
        SweepFolder(path / "plain"),
        PLAIN,
        lambda config: [Story("0000", config.trial(), {}, epochs=1)],
        experiment="digits",
        uri=sweep.state.uri,
    )
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
