"""Two sweeps: a real one, without Ray, and one made of numbers alone with hostile names all over it."""

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from platform.config.load import load_space
from platform.datasets.preparation.prepare import prepare, save_bad_images, save_manifest
from platform.tracking.records import (
    DatasetRecord,
    SweepDescription,
    SweepRecord,
    TrialRecord,
    WriterState,
)
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.errors import TrainingDiverged
from platform.storage.folder import Folder
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from reports.build.build import build_report
from reports.sweeps.contents import Contents, DataFacts, Ensembles, EvaluatedTrial, TestScore, TestScores
from reports.ranking.rank import rank_trials
from reports.ensembles.selection import Ensemble

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
TRIALS = [
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
        folder.write_record(replace(folder.read_record(), tracking_uri=uri))
        return Sweep(folder, replace(self.state, uri=uri))


@pytest.fixture(scope="package")
def finished_sweep(tmp_path_factory):
    """Five trials, one of each ending. Nobody may change it."""
    folder = SweepFolder(tmp_path_factory.mktemp("sweep") / "digits")
    folder.trials.mkdir(parents=True)
    folder.space.write_text(SPACE)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    data = prepare(config.data, config.image_size)
    save_manifest(data, folder.manifest)
    save_bad_images(data, folder.bad_images)
    state = SweepWriter.open(f"sqlite:///{folder.path.parent}/mlflow.db", "digits", "digits").state
    rows = {split: len(data.rows(split)) for split in data.splits}
    with SpooledWriter(state, folder.spool) as writer:
        writer.log_sweep(
            SweepDescription(
                SPACE,
                "a plan\n",
                {"epochs": 2},
                0,
                DatasetRecord("digits", "digits", data.digest, rows, data.classes),
            )
        )
        for trial_id, drop_rate, lr, epochs, outcome in TRIALS:
            trial = sample(config, drop_rate, lr)
            run_trial(writer, folder, Trainer(trial, data), trial_id, epochs, outcome)
        writer.finish("finished")
        writer.catch_up()
    folder.write_record(identity_of(state, data.digest))
    return Sweep(folder, state)


@pytest.fixture(scope="package")
def reported(finished_sweep, tmp_path_factory):
    """A copy of the finished sweep with its report, and what that said. Nobody may change it."""
    sweep = finished_sweep.copy(tmp_path_factory.mktemp("reported"))
    return sweep, build_report(sweep.folder.path)


@pytest.fixture
def sweep(finished_sweep, tmp_path):
    """A copy of the finished sweep that a test may change."""
    return finished_sweep.copy(tmp_path / "runs")


def sample(config: SweepConfig, drop_rate: float, lr: float) -> TrialConfig:
    trial = config.trial()
    optim = trial.optim.model_copy(update={"lr": lr})
    method = trial.method.model_copy(update={"drop_rate": drop_rate})
    return trial.model_copy(update={"optim": optim, "method": method})


def run_trial(writer, folder, trainer, trial_id, epochs, outcome):
    """What Tune and its callback do of a trial: train, report, keep the best checkpoint, say how it ended."""
    config = trainer.config
    writer.start_trial(
        trial_id,
        searched={"method.drop_rate": config.method.drop_rate, "optim.lr": config.optim.lr},
        constants={"epochs": config.epochs},
        config=config.model_dump(mode="json"),
    )
    best, checkpoint = -1.0, None
    try:
        for _ in range(max(epochs, 1)):
            metrics = trainer.train_epoch()
            writer.report(trial_id, trainer.epoch, metrics)
            if metrics["val/accuracy"] > best:
                best, checkpoint = (
                    metrics["val/accuracy"],
                    folder.trials / trial_id / f"checkpoint_{trainer.epoch}",
                )
                save_checkpoint(checkpoint, trainer)
    except TrainingDiverged as error:
        writer.finish_trial(trial_id, "failed", cause=f"TrainingDiverged: {error}")
        return
    assert outcome != "failed", "the learning rate was to make it diverge"
    if outcome != "interrupted":
        writer.finish_trial(trial_id, outcome, checkpoint=str(checkpoint))


def identity_of(state: WriterState, digest: str) -> SweepIdentity:
    return SweepIdentity(
        name=state.sweep,
        experiment=state.experiment,
        experiment_id=state.experiment_id,
        metric="val/accuracy",
        mode="max",
        top=3,
        seed=0,
        tracking_uri=state.uri,
        parent_run_id=state.parent_run_id,
        data_digest=digest,
        command="python -m platform.search digits.yaml",
        git_commit="0123456789abcdef",
    )


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&{{7*7}}%{x}"
OUTCOMES = ("finished", "pruned", "pruned", "finished", "failed")


@pytest.fixture(scope="session")
def make_contents():
    return contents_of


@pytest.fixture(scope="session")
def hostile():
    """A name that must stay text wherever it appears."""
    return HOSTILE


def contents_of(trials=12, name="peer", **changes):
    """A report made of numbers alone, with hostile names all over it; ``changes`` replace parts of it."""
    made = [_trial(index) for index in range(trials)]
    sweep = SweepRecord("run", "peer", name, "finished", {}, {"git_dirty": "true"}, made)
    identity = SweepIdentity(
        name=name,
        experiment="peer",
        experiment_id="1",
        metric="val/accuracy",
        mode="max",
        top=3,
        seed=7,
        tracking_uri="http://ann:secret@mlflow.example.org",
        parent_run_id="abc",
        data_digest="d" * 64,
        command=f"python -m platform.search {HOSTILE}",
        git_commit="c0ffee",
    )
    ranking = rank_trials(made, "val/accuracy", "max")
    rows = {"train": 80, "val": 20}
    scores = [
        _score("best single trial", 0.8),
        _score("vote of 2", 0.85),
        _score("mean probability of 3", 0.84),
    ]
    values = {
        "identity": identity,
        "sweep": sweep,
        "ranking": ranking,
        "space_yaml": f"# {HOSTILE}\nepochs: 3\n",
        "data": DataFacts(HOSTILE, (HOSTILE, "b"), rows, "given", {"train": 0.4, "val": 0.25}),
        "ensembles": _ensembles(ranking) if len(ranking) > 2 else None,
        "test": TestScores(scores, "clean", 1),
        "bad_images": [(f"cats/{HOSTILE}.jpg", f"truncated {HOSTILE}")],
        "notices": [f"Trial 3 was left out: {HOSTILE}"],
        "made_at": "20 November 2026",
    }
    return Contents(**(values | changes))


def _ensembles(ranking):
    gone = Folder.of("/gone")
    evaluated = [EvaluatedTrial(one, gone, f"digest-{one.rank}", _metrics(one.best)) for one in ranking[:3]]
    best = ranking[0].best
    grown = [
        Ensemble("mean_probability", (0, 1), _metrics(best - 0.01)),
        Ensemble("mean_probability", (0, 1, 2), _metrics(best + 0.01)),
        Ensemble("vote", (0, 2), _metrics(best + 0.02)),
        Ensemble("vote", (0, 2, 1), _metrics(best)),
    ]
    return Ensembles(evaluated, grown, [grown[1], grown[2]], grown[2])


def _metrics(accuracy):
    return {
        "val/accuracy": accuracy,
        "val/macro_accuracy": accuracy,
        "val/loss": 1.0,
        "val/ece": 0.1,
        "val/clean_accuracy": accuracy + 0.1,
    }


def _trial(index):
    outcome = OUTCOMES[index % len(OUTCOMES)]
    epochs = 1 if outcome == "pruned" else 4
    level = 0.4 + 0.02 * ((index * 7) % 11)
    curve = [(epoch, level * (1 - math.exp(-epoch))) for epoch in range(1, epochs + 1)]
    history = {
        "val/accuracy": curve,
        "val/clean_accuracy": [(epoch, value + 0.1) for epoch, value in curve],
        "train/agreement": [(epoch, 0.5 + epoch / 20) for epoch, _ in curve],
        "train/drop_rate": [(epoch, 0.1 * epoch) for epoch, _ in curve],
    }
    searched = {
        "optim.lr": 10.0 ** -(1 + index % 4),
        "method.rank_by": ("loss", HOSTILE)[index % 2],
        "ema": index % 3 == 0,
    }
    return TrialRecord(
        run_id=f"run-{index}",
        trial_id=f"{index:04d}",
        attempt=1 + (index == 2),
        outcome=outcome,
        searched=searched,
        config={"method": {"name": "peer"}, "model": {"backbone": ("resnet10t", HOSTILE)[index % 2]}},
        cause=f"TrainingDiverged: {HOSTILE}" if outcome == "failed" else None,
        started_ms=1000,
        ended_ms=1000 + 1500 * epochs,
        history=history,
    )


def _score(name, accuracy):
    values = {"accuracy": accuracy, "macro_accuracy": accuracy, "loss": 0.5, "ece": 0.05}
    return TestScore(name, ("0000", "0003"), values)
