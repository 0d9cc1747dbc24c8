"""Find the folders of an MLflow experiment's sweeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platform.config.errors import UserError
from platform.datasets.errors import counted, listed
from platform.tracking.reading.experiment_sweeps import experiment_sweeps
from platform.tracking.tracking_config import TrackingConfig, resolve_uri
from platform.tuning.watching.sweep_state import sweeps_in


@dataclass(frozen=True)
class ExperimentFolders:
    """``notices``: which sweeps of the experiment have no folder any more."""

    folders: list[Path]
    notices: list[str]


def folders_of(experiment: str, runs: Path) -> ExperimentFolders:
    """Folders in ``runs`` of the experiment's sweeps, in the order in which they started.

    MLflow is where a sweep would write to: MLFLOW_TRACKING_URI, else mlflow.db in the current folder.

    Raises:
        UserError: MLflow does not answer, it has no such experiment, or no sweep of it has a folder there.
    """
    sweeps = experiment_sweeps(resolve_uri(TrackingConfig()), experiment)
    there = {
        folder.read_record().parent_run_id: folder.path
        for folder in sweeps_in(runs)
        if folder.record_file.exists()
    }
    gone = [name for run, name in sweeps.items() if run not in there]
    if len(gone) == len(sweeps):
        raise UserError(
            f"--experiment: {experiment} has {counted(len(sweeps), 'sweep')} ({listed(gone)}), none of which "
            f"has its folder in {runs}"
        )
    return ExperimentFolders([there[run] for run in sweeps if run in there], _about(gone, len(sweeps), runs))


def _about(gone: Sequence[str], of: int, runs: Path) -> list[str]:
    if not gone:
        return []
    are = "is" if len(gone) == 1 else "are"
    return [
        f"{len(gone)} of {counted(of, 'sweep')} of the experiment {are} left out, without a folder in "
        f"{runs}: {listed(gone)}."
    ]
