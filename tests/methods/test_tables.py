"""The tables of methods, and elr, which keeps one."""

import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.early_learning import early_learning
from platform.methods import Progress, elr
from platform.methods._tables import Table, TableSpec, learnt_rows
from tests.methods.fixed_networks import Fixed, batch_of, tables_of

ROWS = torch.tensor([5, 2])
LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def made(dtype=torch.float32):
    """Rows 2, 4 and 5 of a manifest are training images."""
    return Table(torch.zeros(3, 2, dtype=dtype), torch.tensor([3, 3, 0, 3, 1, 2]))


def test_rows_of_the_manifest_name_the_values():
    table = made()
    table.write(ROWS, torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert table.values_NK.tolist() == [[3.0, 4.0], [0.0, 0.0], [1.0, 2.0]]
    assert table.read(ROWS).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_what_is_read_is_a_copy_and_half_precision_is_read_as_float32():
    table = made(torch.float16)
    read = table.read(ROWS)
    assert read.dtype == torch.float32
    read += 1
    assert not table.values_NK.any()


def test_learnt_rows_are_a_leaf():
    table = made()
    learnt = learnt_rows(table, ROWS, learning_rate=0.5)
    (learnt.values_BK.sum() * 3).backward()
    assert learnt.values_BK.grad.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert not table.values_NK.requires_grad


def test_a_table_says_its_bytes():
    assert TableSpec("targets", 5000).bytes(550_000) == 11_000_000_000
    assert TableSpec("targets", 5000, dtype=torch.float16).bytes(550_000) == 5_500_000_000
    assert TableSpec("means", 7, rows=1).bytes(550_000) == 28


def test_elr_updates_the_targets_before_it_uses_them_and_only_those_of_the_batch():
    method = elr.Method(elr.Config(beta=0.6, regularisation_weight=2.0), torch.tensor([2, 1, 0]))
    tables = tables_of(method, images=4)
    network, batch = Fixed(LOGITS), batch_of([0, 2])
    output = method.step([network], batch, Progress(tables=tables))
    targets_BC = 0.4 * LOGITS.softmax(1)
    torch.testing.assert_close(tables["targets"].values_NK, torch.cat([targets_BC, torch.zeros(2, 3)]))
    losses_B = cross_entropy(LOGITS, batch.labels) + 2 * early_learning(LOGITS, targets_BC)
    torch.testing.assert_close(output.losses[0].detach(), losses_B.mean())
    assert output.metrics["target_agreement"].item() == 0.5
    method.step([network], batch, Progress(tables=tables))
    torch.testing.assert_close(tables["targets"].values_NK[:2], 0.6 * targets_BC + targets_BC)


def test_elr_keeps_its_targets_in_half_precision_if_told():
    (spec,) = elr.Method(elr.Config(table_precision="float16"), torch.tensor([1, 1])).tables()
    assert (spec.width, spec.dtype) == (2, torch.float16)
