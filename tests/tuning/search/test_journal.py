"""The study's journal on a disk that becomes full: no line is torn, and none is missing in the middle."""

import json

import optuna
import pytest
from optuna.storages import JournalStorage

from platform.storage.disk import StorageError, free_bytes
from platform.tuning.search.study import WholeLines


def study_in(file):
    storage = JournalStorage(WholeLines(file))
    return optuna.create_study(storage=storage, study_name="night", load_if_exists=True)


def test_a_full_disk_tears_no_line_and_nothing_is_written_after_it(small_disk):
    disk = small_disk("64k")
    file = disk / "optuna_journal.log"
    study = study_in(file)
    study.tell(study.ask(), 0.5)
    (disk / "ballast").write_bytes(bytes(free_bytes(disk)))
    trial = study.trials[0]._trial_id
    with pytest.raises(StorageError, match=r"optuna_journal\.log: the disk is full"):
        study._storage.set_trial_system_attr(study._storage.create_new_trial(trial), "note", "x" * 9000)
    size = file.stat().st_size
    (disk / "ballast").unlink()
    with pytest.raises(StorageError, match="the disk is full"):
        study.ask()
    assert file.stat().st_size == size
    assert all(json.loads(line) for line in file.read_text().splitlines())

    again = study_in(file)
    assert again.trials[0].value == 0.5
    again.tell(again.ask(), 0.7)
    assert study_in(file).trials[-1].value == 0.7
