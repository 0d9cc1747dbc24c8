"""Changes a sweep's space in processes that are killed, each before another of the change's writes.

Prints, a line each, which range the study has afterwards: ``python -m tests.tuning.resume.kill_while_changing
FOLDER STEP [override …]`` kills before the first write, then ``STEP`` writes later, to the end of the change.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.study_change import StudyChange, study_change
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

WRITES = ("execute", "commit", "write", "fsync")


def main(path: str, step: str, *overrides: str) -> None:
    folder = SweepFolder(Path(path))

    def change(high: float) -> StudyChange:
        given = [*overrides, f"optim.lr={{loguniform: [1e-3, {high}]}}"]
        loaded = load_space(folder.space, SweepConfig, overrides=given, fixed=SWEEP_FIELDS)
        return study_change(loaded, folder)

    for writes in count(0, int(step)):
        process = os.fork()
        if process == 0:
            _kill_after(writes, change(0.5))
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        assert code in (0, -signal.SIGKILL), "the change failed"
        print(code, *map(str, change(0.7).changes), flush=True)
        if code == 0:
            return


def _kill_after(writes: int, change: StudyChange) -> None:
    """Commit the change in this process, which is killed before it writes once more than ``writes`` times."""
    left = writes

    def count_writes(frame: FrameType, event: str, function: Any) -> None:
        nonlocal left
        is_move = function is os.replace or function is os.rename
        if event == "c_call" and (is_move or getattr(function, "__name__", "") in WRITES):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.setprofile(count_writes)
    change.commit()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
