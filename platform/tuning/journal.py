"""The file of a study: Optuna's journal, in which no line is ever half written."""

import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend

from platform.storage.disk import StorageError, written_to


class WholeLines(JournalFileBackend):
    """A journal of one process. What the disk does not take is undone, and nothing is written after it.

    Otherwise what follows would be added to the torn line and make all of it unreadable, or be there without
    what came before it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._refused: StorageError | None = None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raises StorageError where the disk is full, and ever after."""
        if self._refused is not None:
            raise self._refused
        size = self._path.stat().st_size
        try:
            with written_to(self._path):
                super().append_logs(logs)
        except StorageError as error:
            os.truncate(self._path, size)
            self._refused = error
            raise
