"""Records that MLflow misses because the process was killed after it wrote to the study."""

from collections.abc import Iterable

from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.training.checkpoints.description import read_description
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.names import confirms, constants_of
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.trial.kept_checkpoints import keeping_of
from platform.tuning.watching.tracking_callback import checkpoints_of, reused_mark

LOST = "the sweep was killed before it recorded the cause"


def write_missed_records(writer: SpooledWriter, folder: SweepFolder, past: Iterable[PastTrial]) -> None:
    """Record what is missing of trials that have ended: their start, epochs and outcome.

    Epochs come from the newest checkpoint; the writer skips those that it has recorded.
    """
    keeping = keeping_of(folder)
    for trial in past:
        if trial.name not in writer.started:
            constants = constants_of(trial.config, trial.parameters)
            writer.start_trial(
                trial.name,
                searched=trial.parameters,
                constants=constants,
                config=trial.config,
                confirms=confirms(trial.number),
                marks=reused_mark(trial.reused),
            )
        elif trial.name not in writer.open_trials:
            continue
        newest = keeping.of(trial.name).newest
        for epoch, metrics in enumerate(read_description(newest)["history"] if newest else [], start=1):
            if epoch in trial.values:
                writer.report(trial.name, epoch, metrics)
        cause = LOST if trial.outcome == "failed" else None
        writer.finish_trial(trial.name, trial.outcome, cause=cause, **checkpoints_of(trial.name, keeping))
