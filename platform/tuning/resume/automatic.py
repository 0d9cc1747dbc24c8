"""``--resume auto``: begin a sweep where there is none, go on with one that is there, leave one that is done.

The same command can then be given again and again, as a Kubernetes job, a Ray job or a timer does.
"""

import shutil
from pathlib import Path

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.datasets.errors import counted, listed
from platform.storage.whole_files import read_record
from platform.tracking.records import WriterState
from platform.tuning.folder.process_lock import read_process
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.folder.which_folder import check_name, foreign_in
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.watching.sweep_state import SweepState, sweep_state


def folder_to_begin(out: Path, name: str) -> SweepFolder:
    """The folder of a new sweep, which may hold what a process left that died before the sweep's record.

    Raises:
        UserError: the name is invalid, or the folder cannot be created.
    """
    check_name(name)
    folder = SweepFolder(out / name)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out: {folder.path} cannot be created: {error.strerror}") from None
    return folder


def clear(folder: SweepFolder, loaded: LoadedSpace[SweepConfig]) -> None:
    """Delete what a process left that died before the sweep's record, in MLflow and the study's storage, too.

    The caller holds the sweep's lock.

    Raises:
        UserError: there is a sweep now, which another process has begun since; or MLflow does not answer.
    """
    from platform.tracking.own_mlflow import refuse_strange
    from platform.tracking.writing.deletion import delete_sweep
    from platform.tuning.search.study import forget_unused

    if folder.record_file.exists():
        raise UserError(f"{folder.path}: another process has begun this sweep; give the command once more")
    if foreign := foreign_in(folder):
        raise UserError(
            f"{folder.path}: holds {listed(foreign)}, which no sweep left there: give another --name or --out"
        )
    if (state := read_record(folder.opening, WriterState)) is not None:
        refuse_strange(state.uri, folder.path)
        delete_sweep(state)
    for path in folder.path.iterdir():
        if path in (folder.lock, folder.process, folder.stop_asked):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    forget_unused(loaded.first().search, folder)


def done(folder: SweepFolder) -> str | None:
    """What is said of a sweep that is done: all trials have ended or its budget is spent, the report is made.

    None where there is something left to do, or a process that runs it.
    """
    sweep, process = sweep_state(folder), read_process(folder)
    if sweep.state != "finished" or process is None or process.ended is None:
        return None
    return f"sweep {folder.name} in {folder.path}/ is done{_best(sweep)}\nreport: {folder.report}/index.html"


def _best(sweep: SweepState) -> str:
    if sweep.best is None:
        return ""
    trials = counted(len(sweep.trials), "trial")
    return f": {trials}, the best {sweep.metric} is {sweep.best.best:.4f} ({sweep.best.trial})"
