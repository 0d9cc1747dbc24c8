"""A small sweep on digits without noise, and the audit of the same digits."""

from collections.abc import Iterator

import pandas as pd
import pytest

from platform.datasets.audit.folder import AuditFolder
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import list_images
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SweepConfig
from tests.reports.stories import Story, record_sweep

SPACE = """\
epochs: 2
batch_size: 32
image_size: 16
augment: {horizontal_flip: 0.0}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [0.001, 0.1]}}
data: {source: digits, max_images: 400}
search: {trials: 2}
report: {top: 2, soup: false}
"""


@pytest.fixture(scope="package")
def plain_sweep(tmp_path_factory):
    """Two trials of two epochs. Nobody may change it."""
    folder = SweepFolder(tmp_path_factory.mktemp("audited") / "plain")
    record_sweep(folder, SPACE, stories)
    return folder


def stories(config: SweepConfig) -> Iterator[Story]:
    for trial_id, lr in (("0000", 0.05), ("0001", 0.02)):
        trial = config.trial()
        trial = trial.model_copy(update={"optim": trial.optim.model_copy(update={"lr": lr})})
        yield Story(trial_id, trial, {"optim.lr": lr}, 2, "finished")


@pytest.fixture
def config():
    return DataConfig(source="digits", max_images=400)


@pytest.fixture
def audit(tmp_path, config):
    """The audit of the sweep's digits, as its pass over the files leaves it."""
    rows = list_images(config).rows[["path", "label", "split"]].assign(readable=True)
    folder = AuditFolder(tmp_path / "audit")
    folder.path.mkdir()
    rows.to_parquet(folder.images_file)
    return folder


def changed(folder: AuditFolder, change) -> None:
    """Write ``images.parquet`` anew, as ``change`` returns it."""
    change(pd.read_parquet(folder.images_file)).to_parquet(folder.images_file)
