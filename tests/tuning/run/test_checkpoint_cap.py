"""storage.max_bytes: what is deleted for it, in which order, and what never is."""

import json
import pickle
import zipfile

import pytest
import torch
from ray.tune.experiment import Trial
from safetensors.torch import save_file

from platform.storage.folder import Folder
from platform.tracking.records import WriterState
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.training.checkpoints.description import FORMAT
from platform.tuning.names import repeat_number, trial_name
from platform.tuning.run.checkpoint_cap import CheckpointCap, Limit, Standing, dispensable
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial.kept_checkpoints import Keeping

EACH = 10_000
"""Bytes of a checkpoint here, a little less."""


def limit_of(checkpoints, *, top=2, finalists=0, **search):
    return Limit(checkpoints * EACH, top, finalists, EACH, SearchConfig.model_validate(search))


class Sweep:
    """Trials on disk, and Tune's view of them; their checkpoints are real, if small."""

    def __init__(self, folder, limit, ended=()):
        first = limit.search.first
        self.keeping = Keeping(Folder.of(folder / "trials"), first.metric, first.direction, 1)
        self.spool = folder / "spool.jsonl"
        self.writer = SpooledWriter(WriterState("", "", "", "", "sweep"), self.spool)
        self.limit, self.trials, self.most = limit, {}, 0
        self.cap = CheckpointCap(limit, self.keeping, self.writer, ended)

    def start(self, number):
        config = {"number": number}
        self.trials[number] = Trial("stub", config=config, stub=True)
        self.cap.on_trial_start(0, [], self.trials[number])

    def epoch(self, number, epoch, value):
        """An epoch as the trial itself would save it: the best and the last are kept."""
        kept = self.keeping.of(trial_name(number))
        metric = self.limit.search.first.metric
        write(kept.folder.local / f"checkpoint_{epoch:06d}", {metric: value})
        self.most = max(self.most, self.taken())
        for path in kept.sizes():
            if path not in (kept.best, kept.newest):
                kept.delete(path)
        result = {"epoch": epoch, metric: value}
        self.trials[number].update_last_result(result)
        self.cap.on_trial_result(0, [], self.trials[number], result)

    def end(self, number, outcome="finished"):
        trial = self.trials[number]
        if outcome == "failed":
            self.cap.on_trial_error(0, [], trial)
        else:
            trial.update_last_result({**trial.last_result, "finished": outcome == "finished"})
            self.cap.on_trial_complete(0, [], trial)

    def run(self, number, *values, outcome="finished"):
        self.start(number)
        for epoch, value in enumerate(values, start=1):
            self.epoch(number, epoch, value)
        self.end(number, outcome)

    def left(self):
        return {path.name: {int(one.name[-6:]) for one in path.iterdir()} for path in self.folders()}

    def folders(self):
        return [path for path in sorted(self.keeping.trials.local.iterdir()) if any(path.iterdir())]

    def taken(self):
        return sum(file.stat().st_size for file in self.keeping.trials.local.rglob("*") if file.is_file())


def write(folder, metrics):
    folder.mkdir(parents=True)
    save_file({"weight": torch.zeros((EACH - 1000) // 4)}, folder / "network_1.safetensors")
    with zipfile.ZipFile(folder / "training_state.pt", "w"):
        pass
    described = {"format": FORMAT, "networks": [{}], "metrics": metrics}
    (folder / "checkpoint.json").write_text(json.dumps(described))


def test_the_worst_trials_lose_theirs_and_the_best_keep_their_best(tmp_path):
    sweep = Sweep(tmp_path, limit_of(6))
    for number, values in enumerate([(0.5, 0.4), (0.9, 0.2), (0.1, 0.3), (0.8, 0.7), (0.2, 0.1)]):
        sweep.run(number, *values)
    left = sweep.left()
    assert left["0001"] == {1} and left["0003"] >= {1}, "the best two can be ensembled"
    assert "0002" not in left or "0000" in left
    assert sweep.most <= 6 * EACH, "also while a checkpoint was written"


def test_as_long_as_there_is_room_nothing_goes(tmp_path):
    sweep = Sweep(tmp_path, limit_of(20))
    for number in range(5):
        sweep.run(number, 0.5, 0.4)
    assert sweep.left() == {f"000{number}": {1, 2} for number in range(5)}
    assert not sweep.spool.read_text()


def test_what_was_deleted_is_recorded_before(tmp_path):
    sweep = Sweep(tmp_path, limit_of(4, top=1))
    sweep.run(0, 0.3, 0.2)
    sweep.run(1, 0.9, 0.8)
    sweep.start(2)
    sweep.epoch(2, 1, 0.2)
    sweep.epoch(2, 2, 0.1)
    told = {}
    for entry in map(json.loads, sweep.spool.read_text().splitlines()):
        assert entry["call"] == "let_go"
        told[entry["arguments"]["trial_id"]] = entry["arguments"]
    best = str(sweep.keeping.trials / "0001" / "checkpoint_000001")
    assert told["0000"] == {"trial_id": "0000", "checkpoint": None, "checkpoint_last": None}
    assert told["0001"] == {"trial_id": "0001", "checkpoint": best, "checkpoint_last": None}
    assert sweep.left() == {"0001": {1}, "0002": {1, 2}}


def test_what_has_not_ended_is_left_alone_and_the_limit_is_said_to_be_exceeded_once(tmp_path, caplog):
    sweep = Sweep(tmp_path, limit_of(2, top=1))
    sweep.run(0, 0.9)
    for number in (1, 2):
        sweep.start(number)
        sweep.epoch(number, 1, 0.3)
        sweep.epoch(number, 2, 0.2)
    assert sweep.left() == {"0000": {1}, "0001": {1, 2}, "0002": {1, 2}}
    [record] = caplog.records
    assert "storage.max_bytes: 20 kB is too little" in record.getMessage()


@pytest.mark.parametrize(
    ("search", "first_to_go"),
    [
        ({}, "0001"),
        ({"statistic": "last"}, "0000"),
        ({"metric": "val/loss"}, "0000"),
        ({"metric": "val/loss", "statistic": "last"}, "0001"),
    ],
)
def test_rank_goes_by_the_statistic_and_the_direction(search, first_to_go, tmp_path):
    sweep = Sweep(tmp_path, limit_of(3, top=1, **search))
    sweep.run(0, 0.9, 0.2)
    sweep.run(1, 0.1, 0.3)
    sweep.start(2)
    sweep.epoch(2, 1, 0.5)
    assert first_to_go not in sweep.left() and len(sweep.left()) == 2


def test_after_a_resume_the_earlier_trials_count_and_those_that_have_not_ended_stay(tmp_path):
    before = Sweep(tmp_path, limit_of(9))
    before.run(0, 0.3)
    before.run(1, 0.9)
    before.start(2)
    before.epoch(2, 1, 0.1)
    before.writer.close()
    ended = [PastTrial(number, {}, 1, "finished", {1: value}) for number, value in ((0, 0.3), (1, 0.9))]
    again = Sweep(tmp_path, limit_of(3, top=1), ended)
    again.start(3)
    assert again.left() == {"0001": {1}, "0002": {1}}


def standing(number, goodness, *, ran_to_end=True):
    best = Folder(f"best of {number}")
    gains = None if goodness is None else (goodness,)
    return Standing(trial_name(number), number, gains, ran_to_end, best, best)


def test_finalists_stay_and_failed_ones_and_repeats_go_first():
    ended = [
        standing(0, 0.9, ran_to_end=False),
        standing(1, 0.5),
        standing(2, 0.6, ran_to_end=False),
        standing(3, None),
        standing(4, 0.2),
        standing(repeat_number(1, 1), None),
        standing(5, 0.2),
    ]
    sizes = {one.name: {one.best: 1, Folder(f"last of {one.number}"): 1} for one in ended}
    order = [one.name for one, _ in dispensable(ended, sizes, limit_of(1, top=1, finalists=1))]
    worst_first = ["0003", "0001-seed-1", "0005", "0004", "0001", "0002", "0000"]
    assert order[:7] == worst_first, "what is not a trial's best"
    assert order[7:] == ["0003", "0001-seed-1", "0005", "0004", "0002"], "not the best one, nor the finalist"


def test_it_can_be_saved_by_tune(tmp_path):
    assert pickle.dumps(Sweep(tmp_path, limit_of(1)).cap)
