"""A real sweep on identities: three short trials on a few of the drawn people, which lie in a folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from platform.config.load import load_space
from platform.datasets.sources import embedded_people as figures_file
from platform.datasets.preparation.prepare import prepare, save_bad_images, save_manifest
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.loop.trainer import Trainer
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from reports.build.build import build_report

SPACE = """\
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
    for path, shot in figures_file.shots().items():
        if shot.is_junk:
            continue
        if shot.person in LEARNT or shot.person in HELD_OUT:
            file = root / "people" / path
        elif shot.person in range(80, 86):
            file = root / "others" / Path(path).name
        else:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(figures_file.png(path))
    return People(root / "people", root / "others")


@pytest.fixture(scope="package")
def retrieval_sweep(people, tmp_path_factory):
    """The sweep's folder, with its report. Nobody may change it."""
    folder = SweepFolder(tmp_path_factory.mktemp("retrieval") / "people")
    folder.trials.mkdir(parents=True)
    folder.space.write_text(SPACE.format(source=people.path))
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    data = prepare(config.data, config.image_size)
    save_manifest(data, folder.manifest)
    save_bad_images(data, folder.bad_images)
    state = SweepWriter.open(f"sqlite:///{folder.path.parent}/mlflow.db", "people", "people").state
    with SpooledWriter(state, folder.spool) as writer:
        record = DatasetRecord("people", "people", data.digest, {}, data.classes)
        writer.log_sweep(SweepDescription(folder.space.read_text(), "a plan\n", {}, 0, record))
        for place, rate in enumerate(RATES):
            run_trial(writer, folder, config.trial(), data, f"{place:04d}", rate)
        writer.finish("finished")
        writer.catch_up()
    folder.write_record(identity_of(state, data.digest))
    build_report(folder.path)
    return folder


@pytest.fixture
def retrieval_run(retrieval_sweep, tmp_path):
    """A copy of the sweep's folder and report that a test may change."""
    folder = SweepFolder(tmp_path / "people")
    shutil.copytree(retrieval_sweep.path, folder.path)
    return folder


def run_trial(writer, folder, config, data, trial_id, rate):
    """With a seed of its own; the best checkpoint is kept, as a sweep does."""
    trial = config.model_copy(
        update={"optim": config.optim.model_copy(update={"lr": rate}), "seed": int(trial_id)}
    )
    told = trial.model_dump(mode="json")
    writer.start_trial(trial_id, searched={"optim.lr": rate}, constants={}, config=told)
    trainer = Trainer(trial, data)
    best, checkpoint = -1.0, None
    for _ in range(trial.epochs):
        metrics = trainer.train_epoch()
        writer.report(trial_id, trainer.epoch, metrics)
        if metrics["val/map"] > best:
            best, checkpoint = metrics["val/map"], folder.trials / trial_id / f"checkpoint_{trainer.epoch}"
            save_checkpoint(checkpoint, trainer)
    writer.finish_trial(trial_id, "finished", checkpoint=str(checkpoint))


def identity_of(state, digest):
    return SweepIdentity(
        name=state.sweep,
        experiment=state.experiment,
        experiment_id=state.experiment_id,
        metric="val/map",
        mode="max",
        top=3,
        seed=0,
        tracking_uri=state.uri,
        parent_run_id=state.parent_run_id,
        data_digest=digest,
        command="python -m platform.search people.yaml",
        git_commit="0123456789abcdef",
    )
