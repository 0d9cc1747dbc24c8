"""What a search leaves in a sweep's folder, recorded without Ray: trials are trained here, one by one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from platform.config.load import load_space
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare, save_bad_images, save_manifest
from platform.tracking.records import DatasetRecord, Outcome, SweepDescription, WriterState
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.training.errors import TrainingDiverged
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from tests.sweep_records import made_record


@dataclass(frozen=True)
class Story:
    """What becomes of one trial: how many ``epochs`` it does, and how it ends."""

    trial_id: str
    config: TrialConfig
    searched: dict[str, object]
    epochs: int
    outcome: Outcome = "finished"


def record_sweep(
    folder: SweepFolder,
    space: str,
    stories: Callable[[SweepConfig], Iterable[Story]],
    *,
    metric: str = "val/accuracy",
    experiment: str | None = None,
    uri: str | None = None,
) -> WriterState:
    """Run and record the ``stories`` of a sweep of the YAML ``space``.

    ``experiment`` is called like the folder and ``uri`` is a database beside the folder unless given.
    """
    folder.trials.mkdir(parents=True)
    folder.space.write_text(space)
    config = load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS).first()
    data = prepare(config.data, config.image_size)
    save_manifest(data, folder.manifest)
    save_bad_images(data, folder.bad_images)
    name = folder.path.name
    uri = uri or f"sqlite:///{folder.path.parent}/mlflow.db"
    state = SweepWriter.open(uri, experiment or name, name).state
    rows = {split: len(data.rows(split)) for split in data.splits}
    record = DatasetRecord(name, config.data.source, data.digest, rows, data.classes)
    with SpooledWriter(state, folder.spool) as writer:
        writer.log_sweep(SweepDescription(space, "a plan\n", {"epochs": config.epochs}, 0, record))
        for story in stories(config):
            run_trial(writer, folder, data, story, metric)
        writer.finish("finished")
        writer.catch_up()
    folder.write_record(identity_of(state, data.digest, metric))
    return state


def run_trial(writer: SpooledWriter, folder: SweepFolder, data: Data, story: Story, metric: str) -> None:
    """What Tune and its callback do with a trial: train, report, keep the best checkpoint, record the end."""
    trial_id = story.trial_id
    writer.start_trial(
        trial_id,
        searched=story.searched,
        constants={"epochs": story.config.epochs},
        config=story.config.model_dump(mode="json"),
    )
    trainer = Trainer(story.config, data)
    best, checkpoint = -1.0, None
    try:
        for _ in range(max(story.epochs, 1)):
            metrics = trainer.train_epoch()
            writer.report(trial_id, trainer.epoch, metrics)
            if metrics[metric] > best:
                best = metrics[metric]
                checkpoint = folder.trials / trial_id / f"checkpoint_{trainer.epoch}"
                save_checkpoint(checkpoint, trainer)
    except TrainingDiverged as error:
        writer.finish_trial(trial_id, "failed", cause=f"TrainingDiverged: {error}")
        return
    assert story.outcome != "failed", "the learning rate was to make it diverge"
    if story.outcome != "interrupted":
        writer.finish_trial(trial_id, story.outcome, checkpoint=str(checkpoint))


def identity_of(state: WriterState, digest: str, metric: str) -> SweepIdentity:
    return made_record(state.sweep, state, metric=metric, top=3, data_digest=digest)
