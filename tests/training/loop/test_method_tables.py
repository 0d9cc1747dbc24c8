"""A method's tables in a trial: resume, stages, files."""

import numpy as np
import pytest
import torch

from platform.methods._tables import learnt_rows
from platform.training.errors import CheckpointError
from platform.training.loop import method_tables
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import is_whole, restore, save_checkpoint

ELR = {"name": "elr"}


@pytest.fixture
def make_trainer(make_config, noisy_digits, tmp_path):
    def make(**sections):
        return Trainer(
            make_config(**({"method": ELR} | sections)), noisy_digits, scratch=tmp_path / "scratch"
        )

    return make


@pytest.fixture
def memory_mapped(monkeypatch):
    monkeypatch.setattr(method_tables, "IN_MEMORY_BYTES", 0)


def targets(trainer):
    return trainer.tables.by_name["targets"].values_NK


def same_weights(one, other):
    pairs = zip(one.networks[0].state_dict().values(), other.networks[0].state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


def test_each_training_image_has_a_row_and_nothing_else(make_trainer, noisy_digits):
    trainer = make_trainer()
    assert targets(trainer).shape == (94, 10)
    trainer.train_epoch()
    assert (targets(trainer).sum(1) > 0).all(), "each was seen"


def test_a_method_without_tables_has_none(make_trainer, tmp_path):
    trainer = make_trainer(method={"name": "cross_entropy"})
    save_checkpoint(tmp_path / "checkpoint", trainer)
    assert not trainer.tables.by_name
    assert not list((tmp_path / "checkpoint").glob("*.npy"))


def test_a_memory_mapped_table_gives_the_same_bits_and_leaves_no_file(make_trainer, tmp_path, request):
    in_memory = make_trainer()
    in_memory.train_epoch()
    request.getfixturevalue("memory_mapped")
    mapped = make_trainer()
    assert list((tmp_path / "scratch").iterdir()) == []
    mapped.train_epoch()
    assert torch.equal(targets(mapped), targets(in_memory))
    assert same_weights(mapped, in_memory)


@pytest.mark.parametrize("where", ["in_memory", "memory_mapped"])
def test_resume_is_exact(where, make_trainer, tmp_path, request):
    if where == "memory_mapped":
        request.getfixturevalue(where)
    whole, folder = make_trainer(), tmp_path / "checkpoint"
    whole.train_epoch()
    save_checkpoint(folder, whole)
    assert is_whole(folder)
    whole.train_epoch()
    resumed = make_trainer()
    restore(folder, resumed)
    resumed.train_epoch()
    assert torch.equal(targets(resumed), targets(whole))
    assert same_weights(resumed, whole)


def test_a_checkpoint_without_its_table_is_broken(make_trainer, tmp_path):
    folder = tmp_path / "checkpoint"
    save_checkpoint(folder, make_trainer())
    table = folder / "table_targets.npy"
    np.save(table, np.zeros((3, 10), dtype=np.float32))
    with pytest.raises(CheckpointError, match=r"table_targets.npy: of another trial: 3 x 10 float32"):
        restore(folder, make_trainer())
    table.write_bytes(table.read_bytes()[:150])
    assert not is_whole(folder)
    with pytest.raises(CheckpointError, match=r"table_targets.npy: missing or broken"):
        restore(folder, make_trainer())
    table.unlink()
    assert not is_whole(folder)


def test_tables_go_on_in_a_stage_of_the_same_method_and_end_with_it(make_trainer):
    stages = [
        {"epochs": 1},
        {"epochs": 1, "method": ELR | {"regularisation_weight": 1.0}},
        {"epochs": 1, "method": {"name": "cross_entropy"}},
        {"epochs": 1},
    ]
    trainer = make_trainer(stages=stages)
    trainer.train_epoch()
    before = targets(trainer).clone()
    trainer.enter_stage(1)
    assert torch.equal(targets(trainer), before)
    trainer.enter_stage(2)
    assert not trainer.tables.by_name
    trainer.enter_stage(3)
    assert not targets(trainer).any()


def test_learnt_rows_follow_their_gradient_whatever_the_scaler(make_trainer):
    trainer = make_trainer()
    table, rows = trainer.tables.by_name["targets"], trainer.data.rows("train")[:2]
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    learnt = learnt_rows(table, torch.from_numpy(rows), learning_rate=0.5)
    scaler.scale((learnt.values_BK * 3).sum()).backward()
    trainer.tables.learn([learnt], scaler)
    assert targets(trainer)[:2].unique().tolist() == [-1.5]
    assert not targets(trainer)[2:].any()
