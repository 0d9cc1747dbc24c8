"""Real sweeps, recorded without Ray, and their reports: one on digits, one on identities."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from PIL import Image

from platform.datasets.preparation.prepare import prepare
from platform.datasets.sources import embedded_people
from platform.tracking.own_mlflow import name_own
from platform.tracking.records import Outcome, WriterState
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SweepConfig
from reports.build.build import build_report
from reports.build.winner import write_winner
from reports.sweeps.inputs import read_inputs
from tests.reports.made_contents import HOSTILE, contents_of
from tests.reports.stories import Story, record_sweep

SPACE = """\
epochs: 2
batch_size: 64
image_size: 16
augment: {horizontal_flip: 0.0}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.0, 0.5]}, ramp_epochs: 1}
optim: {lr: {loguniform: [0.001, 0.1]}}
data: {source: digits, imbalance: 10, noise: {kind: symmetric, rate: 0.3}}
search: {trials: 5}
report: {top: 3, soup: false}
"""
# Trial, drop rate, learning rate, epochs done, how it ends.
TRIALS: list[tuple[str, float, float, int, Outcome]] = [
    ("0000", 0.1, 0.03, 2, "finished"),
    ("0001", 0.3, 0.05, 2, "finished"),
    ("0002", 0.2, 0.002, 1, "pruned"),
    ("0003", 0.4, 1e30, 0, "failed"),
    ("0004", 0.4, 0.02, 1, "interrupted"),
]


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder, and how to write more of it."""

    folder: SweepFolder
    state: WriterState

    def copy(self, into: Path) -> "Sweep":
        """The same sweep in another folder, with a database of its own: a test may do with it what it likes.

        MLflow's runs still say that the checkpoints are where they were made, as after any copy.
        """
        shutil.copytree(self.folder.path.parent, into, dirs_exist_ok=True)
        folder = SweepFolder(into / self.folder.path.name)
        uri = f"sqlite:///{into}/mlflow.db"
        name_own(uri)
        folder.write_record(replace(folder.read_record(), tracking_uri=uri))
        return Sweep(folder, replace(self.state, uri=uri))


@pytest.fixture(scope="package")
def finished_sweep(tmp_path_factory):
    """Five trials, one of each ending. Nobody may change it."""
    folder = SweepFolder(tmp_path_factory.mktemp("sweep") / "digits")
    return Sweep(folder, record_sweep(folder, SPACE, stories))


def stories(config: SweepConfig) -> Iterator[Story]:
    for trial_id, drop_rate, lr, epochs, outcome in TRIALS:
        trial = config.trial()
        optim = trial.optim.model_copy(update={"lr": lr})
        method = trial.method.model_copy(update={"drop_rate": drop_rate})
        searched: dict[str, object] = {"method.drop_rate": drop_rate, "optim.lr": lr}
        trial = trial.model_copy(update={"optim": optim, "method": method})
        yield Story(trial_id, trial, searched, epochs, outcome)


@pytest.fixture(scope="package")
def reported(finished_sweep, tmp_path_factory):
    """A copy of the finished sweep with its report, and what that said. Nobody may change it."""
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("reported"))
    return sweep, build_report(sweep.folder.path)


@pytest.fixture
def sweep(finished_sweep, tmp_path):
    """A copy of the finished sweep that a test may change."""
    return finished_sweep.copy(tmp_path / "runs")


@pytest.fixture(scope="package")
def data(finished_sweep):
    return prepare(read_inputs(finished_sweep.folder.path, None).data_config, 16)


@pytest.fixture(scope="session")
def ask():
    """``ask(sweep, report)`` writes the section ``report`` of the sweep's YAML anew."""

    def write(sweep, report):
        space = sweep.folder.space
        text = space.read_text()
        assert "report: {top: 3, soup: false}" in text
        space.write_text(text.replace("{top: 3, soup: false}", report))

    return write


@pytest.fixture(scope="session")
def let_win():
    """``let_win(sweep, report, kind, into)``: a copy whose report chose its best ensemble of that kind."""

    def chosen(sweep, report, kind, into):
        folder = sweep.copy(into).folder
        [best] = [one for one in report.contents.ensembles.best if one.kind == kind]
        write_winner(
            read_inputs(folder.path, 2),
            report.contents.ranking,
            replace(report.contents.ensembles, winner=best),
        )
        return folder, best

    return chosen


@pytest.fixture(scope="session")
def pictures_of():
    """``pictures_of(data, split, folder)``: the split's images as files, by name in its order."""

    def save(data, split, folder):
        folder.mkdir()
        for place, row in enumerate(data.rows(split)):
            Image.fromarray(data.images.image(row)).save(folder / f"{place:05d}.png")
        return folder

    return save


PEOPLE_SPACE = """\
epochs: 4
batch_size: 32
image_size: [32, 16]
augment: {{crop: resized, resize: 1.125, horizontal_flip: 0.5}}
model: {{backbone: test_resnet, stem: small, embedding: {{dim: 16}}}}
method: {{name: cross_entropy}}
optim: {{name: adamw, lr: {{loguniform: [0.001, 0.01]}}}}
data: {{source: {source}, identities: {{queries: 1}}, val_share: 0.25}}
retrieval: {{flip: false}}
search: {{trials: 3, metric: val/map}}
report: {{top: 3}}
"""
RATES = (0.003, 0.004, 0.005)
LEARNT, HELD_OUT = range(1, 17), range(65, 73)


@dataclass(frozen=True)
class People:
    """``path``: train, query and gallery of the sweep; ``others``: a folder of images of people beyond."""

    path: Path
    others: Path


@pytest.fixture(scope="package")
def people(tmp_path_factory):
    """Nobody may change them."""
    root = tmp_path_factory.mktemp("people")
    for path, shot in embedded_people.shots().items():
        if shot.is_junk:
            continue
        if shot.person in LEARNT or shot.person in HELD_OUT:
            file = root / "people" / path
        elif shot.person in range(80, 86):
            file = root / "others" / Path(path).name
        else:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(embedded_people.png(path))
    return People(root / "people", root / "others")


@pytest.fixture(scope="package")
def retrieval_sweep(people, tmp_path_factory):
    """The sweep's folder, with its report. Nobody may change it."""
    folder = SweepFolder(tmp_path_factory.mktemp("retrieval") / "people")
    record_sweep(folder, PEOPLE_SPACE.format(source=people.path), stories_of_people, metric="val/map")
    build_report(folder.path)
    return folder


@pytest.fixture
def retrieval_run(retrieval_sweep, tmp_path):
    """A copy of the sweep's folder and report that a test may change."""
    folder = SweepFolder(tmp_path / "people")
    shutil.copytree(retrieval_sweep.path, folder.path)
    return folder


def stories_of_people(config: SweepConfig) -> Iterator[Story]:
    """Each trial has a seed of its own."""
    for seed, rate in enumerate(RATES):
        trial = config.trial()
        optim = trial.optim.model_copy(update={"lr": rate})
        trial = trial.model_copy(update={"optim": optim, "seed": seed})
        yield Story(f"{seed:04d}", trial, {"optim.lr": rate}, trial.epochs)


@pytest.fixture(scope="session")
def make_contents():
    return contents_of


@pytest.fixture(scope="session")
def hostile():
    """A name that must stay text wherever it appears."""
    return HOSTILE
